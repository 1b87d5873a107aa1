import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

/** What the log tells about its commits. */
export interface CommitMetrics {
  committed(records: number, bytes: number, seconds: number): void;
  failed(): void;
  free(bytes: number | undefined): void;
}

export function createCommitMetrics(registry: Registry): CommitMetrics {
  const registers = [registry];
  const seconds = new Histogram({
    name: 'mailhold_archive_commit_seconds',
    help: 'Time of one write and sync of the archive log.',
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
    registers,
  });
  const records = new Histogram({
    name: 'mailhold_archive_commit_records',
    help: 'Records that shared one write and sync of the archive log.',
    buckets: [1, 2, 4, 8, 16, 32, 64, 128, 256],
    registers,
  });
  const bytes = new Counter({
    name: 'mailhold_archive_committed_bytes_total',
    help: 'Bytes made durable in the archive log, records and messages.',
    registers,
  });
  const failures = new Counter({
    name: 'mailhold_archive_commit_failures_total',
    help: 'Writes and syncs of the archive log that failed.',
    registers,
  });
  const free = new Gauge({
    name: 'mailhold_archive_free_bytes',
    help: 'Bytes free where the archive lies.',
    registers,
  });
  return {
    committed: (count, size, took) => {
      seconds.observe(took);
      records.observe(count);
      bytes.inc(size);
    },
    failed: () => failures.inc(),
    free: (size) => {
      if (size !== undefined) free.set(size);
    },
  };
}
