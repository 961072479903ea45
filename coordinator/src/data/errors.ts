// What can be wrong with text or with a data set. Every message says what was found and ends with what to do next.

export type DataFault =
  | 'missing'
  | 'unreadable'
  | 'unwritable'
  | 'empty'
  | 'tiny'
  | 'not-utf8'
  | 'parquet'
  | 'column'
  | 'codec'
  | 'vocabulary'
  | 'settings'
  | 'occupied'
  | 'half-written'
  | 'damaged'
  | 'training'
  | 'download'

export class DataError extends Error {
  override readonly name = 'DataError'
  constructor(
    readonly fault: DataFault,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options)
  }
}

const REASON: Record<string, string> = {
  ENOENT: 'does not exist; check the path',
  EACCES: 'may not be read by this user; change its permissions (chmod u+r) or run as its owner',
  EPERM: 'may not be read by this user; change its permissions or run as its owner',
  ENOTDIR: 'has a file where a folder should be; check the path',
  ELOOP: 'is a circle of symbolic links; name the real file',
  EISDIR: 'is a folder; name the files in it',
  EIO: 'could not be read by the disk; copy it from a good source',
}

/** An error of the file system while input is read, as a sentence. */
export function cannotRead(file: string, cause: unknown): DataError {
  const code = (cause as NodeJS.ErrnoException).code ?? 'EIO'
  const fault = code === 'ENOENT' || code === 'ENOTDIR' ? 'missing' : 'unreadable'
  return new DataError(fault, `${file} ${REASON[code] ?? `could not be read (${code}); check the file and its disk`}`, {
    cause,
  })
}

/** An error of the file system while the data set is written. */
export function cannotWrite(dir: string, cause: unknown): DataError {
  const code = (cause as NodeJS.ErrnoException).code ?? 'EIO'
  const what =
    code === 'ENOSPC' || code === 'EDQUOT'
      ? 'no space is left; free some (three times the size of the text is enough) or choose another folder with --data'
      : code === 'EACCES' || code === 'EPERM' || code === 'EROFS'
        ? 'this user may not write there; choose another folder with --data'
        : `writing failed (${code}); check the disk or choose another folder with --data`
  return new DataError('unwritable', `${dir}: ${what}`, { cause })
}

export function isErrno(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && typeof (error as NodeJS.ErrnoException).code === 'string' && 'syscall' in error
}
