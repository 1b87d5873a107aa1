import { dovecotMissing, startDovecot } from '../peers/dovecot.ts';
import { mbsyncMissing } from '../peers/mbsync.ts';
import { keyOf, messageChecker } from './expected-message.ts';
import { type ImapRun, type Puller, runImapRounds } from './imap-rounds.ts';
import { buildTemplate, type MessageId, writeId } from './messages.ts';
import { verifyArchive } from './verify-archive.ts';

const USER = 'bench';
const OTHER_USER = 'other';
const PASSWORD = 'secret-of-the-bench';
/** Different bodies; the ids make each message different from all others. */
const TEMPLATES = 16;

export interface ImapPlan {
  messages: number;
  messageBytes: number;
  rounds: number;
  pullers: readonly Puller[];
}

/**
 * Fills a mailbox and pulls it with each puller.
 *
 * @param say gets a line for each run and for what could not be run
 * @throws Error where a message that the poller stored is not in its archive exactly once, byte for byte
 */
export async function imapBench(plan: ImapPlan, say: (line: string) => void): Promise<ImapRun[]> {
  if (dovecotMissing !== undefined) {
    say(`dovecot ${dovecotMissing}, and so no IMAP`);
    return [];
  }
  const pullers = plan.pullers.filter((puller) => mbsyncMissing === undefined || puller.startsWith('mailhold'));
  if (pullers.length < plan.pullers.length) say(`mbsync ${mbsyncMissing}`);
  await using dovecot = await startDovecot({ users: { [USER]: PASSWORD, [OTHER_USER]: PASSWORD } });
  for (const user of [USER, OTHER_USER]) await dovecot.fill(user, mailbox(plan));
  let kept = 0;
  const runs = await runImapRounds({
    dovecot,
    user: USER,
    otherUser: OTHER_USER,
    password: PASSWORD,
    messages: plan.messages,
    rounds: plan.rounds,
    pullers,
    onRun: ({ puller, round, ms, perSecond }) =>
      say(`IMAP, round ${round + 1} of ${plan.rounds}: ${puller} ${ms.toFixed(0)} ms, ${perSecond.toFixed(0)}/s`),
    verify: async (archive, messages) => {
      const check = messageChecker(({ sequence }) => (sequence < plan.messages ? plan.messageBytes : undefined));
      const verified = await verifyArchive(archive, messages, (message, { metadata }) => {
        const checked = check(message);
        return 'wrong' in checked ? checked : { key: `${metadata.targets[0]?.uid} ${keyOf(checked.id)}` };
      });
      if (verified.wrong.length > 0) throw new Error(`the poller's archive is not right: ${verified.wrong.join('; ')}`);
      kept += verified.exact;
    },
  });
  say(`${kept} messages that the poller pulled stand in its archives, once and byte for byte`);
  return runs;
}

function* mailbox({ messages, messageBytes }: ImapPlan): Generator<Buffer> {
  const templates = Array.from({ length: TEMPLATES }, (_, seed) => buildTemplate(messageBytes, seed).content);
  for (let sequence = 0; sequence < messages; sequence += 1) {
    const id: MessageId = { run: 0, connection: sequence % TEMPLATES, sequence };
    const message = Buffer.from(templates[id.connection] ?? Buffer.alloc(0));
    writeId(message, id);
    yield message;
  }
}
