// The sha256 over engine, harness, judge and Makefile that this binary was built from; the Makefile writes its definition.
#pragma once

extern const char frozen_sha256[65];
