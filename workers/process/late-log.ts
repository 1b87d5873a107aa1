import type { ArchiveLog } from '../archive/log.ts';
import type { Fault } from './contract.ts';
import { FaultError, toFaultError } from './fault-error.ts';

const RETRY_MS = 1_000;
/** A volume that hangs must not keep a worker from saying so. */
const PATIENCE_MS = 2_000;

/**
 * An archive log that exists before its folder can be opened, so that a worker starts, listens and tells the truth
 * (451, "the archive folder cannot be written") while a volume is missing, and goes on by itself when it is there.
 *
 * Resolves once the first attempt has ended, after two seconds at the latest: a worker whose archive is in order never
 * says that it is not.
 *
 * @param open called at once, then each second until it succeeds
 */
export async function openLateLog(writer: string, open: () => Promise<ArchiveLog>): Promise<ArchiveLog> {
  let log: ArchiveLog | undefined;
  let fault: Fault | undefined = {
    code: 'ArchiveNotWritable',
    retry: 'later',
    message: 'The archive cannot be opened yet: its folder does not answer.',
  };
  let closed = false;
  let timer: NodeJS.Timeout | undefined;
  const listeners: (() => void)[] = [];
  const changed = (): void => {
    for (const listener of listeners) listener();
  };

  const attempt = async (): Promise<void> => {
    try {
      const opened = await open();
      if (closed) {
        await opened.close();
        return;
      }
      log = opened;
      fault = undefined;
      opened.onChange(changed);
    } catch (error) {
      fault = toFaultError(error).toFault();
      if (!closed) timer = setTimeout(retry, RETRY_MS);
    }
    changed();
  };
  let opening = attempt();
  function retry(): void {
    opening = attempt();
  }

  let patience: NodeJS.Timeout | undefined;
  const patient = new Promise<void>((resolve) => {
    patience = setTimeout(resolve, PATIENCE_MS);
  });
  await Promise.race([opening, patient]);
  clearTimeout(patience);

  const opened = (): ArchiveLog => {
    if (log) return log;
    throw new FaultError('ArchiveNotWritable', 'later', fault?.message ?? 'The archive is closed.');
  };
  return {
    get archiveId() {
      return log?.archiveId ?? '';
    },
    writer,
    begin: () => opened().begin(),
    append: async (message, envelope) => opened().append(message, envelope),
    appendEvent: async (event) => opened().appendEvent(event),
    get fault() {
      return log ? log.fault : fault;
    },
    onChange: (listener) => listeners.push(listener),
    get lastCommitAt() {
      return log?.lastCommitAt;
    },
    get freeBytes() {
      return log?.freeBytes;
    },
    close: async () => {
      closed = true;
      clearTimeout(timer);
      await opening;
      await log?.close();
    },
  };
}
