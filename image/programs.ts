/**
 * What runs in a container, by its place in the sources without `.ts`. It has the same place under /app with `.js`, so
 * that one part finds another by a relative path in both.
 */
export const programs = [
  'operator/main',
  'workers/receiver/main',
  'workers/poller/main',
  /** The thread that parses a message for `mailhold archive show`. */
  'workers/message/preview-thread',
  'cli/main',
] as const;
