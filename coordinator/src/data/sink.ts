// A file written from front to back through a buffer of 1 MiB, on the disk (fsync) once closed.
import fs from 'node:fs'

export class Sink {
  #fd: number
  #buffer = Buffer.allocUnsafe(1 << 20)
  #used = 0
  bytes = 0
  constructor(readonly file: string) {
    this.#fd = fs.openSync(file, 'wx')
  }
  write(bytes: Uint8Array): void {
    this.bytes += bytes.length
    if (this.#used + bytes.length > this.#buffer.length) this.#flush()
    if (bytes.length > this.#buffer.length) writeAll(this.#fd, bytes)
    else {
      this.#buffer.set(bytes, this.#used)
      this.#used += bytes.length
    }
  }
  /** Writes what is left, then `patch` over what stands there, then syncs. */
  close(patch?: { at: number; bytes: Uint8Array }): void {
    this.#flush()
    if (patch) fs.writeSync(this.#fd, patch.bytes, 0, patch.bytes.length, patch.at)
    fs.fsyncSync(this.#fd)
    this.abandon()
  }
  /** Lets go of the file as it is. Nothing to do after close(), so it may stand in every `finally`. */
  abandon(): void {
    if (this.#fd >= 0) fs.closeSync(this.#fd)
    this.#fd = -1
  }
  #flush(): void {
    writeAll(this.#fd, this.#buffer.subarray(0, this.#used))
    this.#used = 0
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += fs.writeSync(fd, bytes, at)
}
