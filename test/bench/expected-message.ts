import { buildTemplate, type MessageId, readId, type Template, writeId } from './messages.ts';

/**
 * Checks a message of the bench against what was sent under its id, byte for byte.
 *
 * @param bytesOf length of the messages of a run, undefined where there was none
 */
export function messageChecker(
  bytesOf: (id: MessageId) => number | undefined,
): (message: Buffer) => { id: MessageId } | { wrong: string } {
  const templates = new Map<string, Template>();
  const templateOf = (bytes: number, seed: number): Template => {
    const key = `${bytes} ${seed}`;
    const template = templates.get(key) ?? buildTemplate(bytes, seed);
    templates.set(key, template);
    return template;
  };
  return (message) => {
    const id = readId(message);
    const bytes = id && bytesOf(id);
    if (id === undefined || bytes === undefined) return { wrong: 'a message that nobody sent' };
    const { content } = templateOf(bytes, id.connection);
    writeId(content, id);
    if (!message.equals(content)) return { wrong: `message ${keyOf(id)} is not what was sent` };
    return { id };
  };
}

/** The id in words, for a set. */
export function keyOf({ run, connection, sequence }: MessageId): string {
  return `${run}/${connection}/${sequence}`;
}
