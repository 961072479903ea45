// exp, tanh, log, ... as our own polynomials, since libm differs between machines. The float versions give the bits of the
// kernels' 16 lanes (fmath_lanes.h); the double versions are for tables, random numbers and the float64 reference.
// defines: float and double exp, log, tanh, sigmoid, sin, cos, power
#pragma once

namespace swarm::fmath {

float exp(float x);      // error < 1.5 ulp; 0 below -104, inf above 88.73
float log(float x);      // error < 1.5 ulp; -inf at 0, NaN below
float tanh(float x);     // error < 3 ulp
float sigmoid(float x);  // error < 3 ulp
float sin(float x);      // through double: error < 0.51 ulp for |x| < 1e5
float cos(float x);

double exp(double x);    // error < 4 ulp for all of these
double log(double x);
double tanh(double x);
double sigmoid(double x);
double sin(double x);    // |x| < 1e6
double cos(double x);
double power(double base, long exponent);  // by squaring; exponent >= 0

}  // namespace swarm::fmath
