import { FaultError, toFaultError } from '../process/fault-error.ts';

/** Error codes that mean that there is no room, on a disk, in a quota, in a file. */
const FULL: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

/** What a store's error means for mail: always retried later, never the sender's fault. */
export function storeFault(error: unknown, archive: string): FaultError {
  if (error instanceof FaultError) return error;
  // Only the operating system's errors tell of the store; anything else is a mistake of ours.
  if (!(error instanceof Error && 'code' in error && typeof error.code === 'string')) return toFaultError(error);
  const { code } = error;
  if (FULL.has(code)) {
    return new FaultError('ArchiveFull', 'later', `No space is left in the archive ${archive} (${code}).`, {
      cause: error,
    });
  }
  return new FaultError('ArchiveNotWritable', 'later', `The archive ${archive} ${meaning(code)} (${code}).`, {
    cause: error,
  });
}

function meaning(code: string): string {
  switch (code) {
    case 'ENOENT':
      return 'does not exist; create the folder or mount its volume';
    case 'ENOTDIR':
      return 'is not a folder';
    case 'EACCES':
    case 'EPERM':
      return 'may not be written by the user that Mailhold runs as';
    case 'EROFS':
      return 'is on a file system that is mounted read-only';
    case 'EIO':
      return 'is on a disk that reports errors; look at the kernel log';
    case 'EMFILE':
    case 'ENFILE':
      return 'cannot be written because too many files are open';
    default:
      return 'cannot be written';
  }
}
