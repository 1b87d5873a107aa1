/**
 * A process that writes messages into an archive until it is killed, and says on standard output what was acknowledged:
 * one line `NUMBER SHA256` per message, after it is durable.
 *
 * Arguments: the archive's folder, and a seed for the sizes of the messages.
 */
import { createHash } from 'node:crypto';
import { writeSync } from 'node:fs';
import { openArchiveLog } from '../../workers/archive/log.ts';
import { envelope } from '../../workers/archive/test-archive.ts';
import { systemClock } from '../../workers/process/clock.ts';
import { silentLogger } from '../../workers/process/logger.ts';

const [folder = '', seed = '0'] = process.argv.slice(2);
const log = await openArchiveLog({
  target: { path: folder, reserveBytes: 0 },
  clock: systemClock,
  logger: silentLogger,
  software: 'Mailhold/test',
});
let state = Number(seed) + 1;
/** A small linear congruential generator: the same seed writes the same messages. */
const random = (below: number): number => {
  state = (state * 1_103_515_245 + 12_345) % 2_147_483_648;
  return Math.floor((state / 2_147_483_648) * below);
};

const writeOne = async (): Promise<void> => {
  for (;;) {
    const large = random(12) === 0;
    const message = Buffer.alloc(large ? 1_100_000 + random(900_000) : random(20_000), `${random(1e9)} `);
    const { position, sha256 } = await log.append(message, envelope);
    if (sha256 !== createHash('sha256').update(message).digest('hex')) throw new Error('wrong digest');
    writeSync(1, `${position.number} ${sha256}\n`);
  }
};
await Promise.all(Array.from({ length: 4 }, writeOne));
