import { selfSignedCertificate } from '../../operator/runtime/certificates/self-signed.ts';
import { postfixMissing, startPostfix } from '../peers/postfix.ts';
import { keyOf, messageChecker } from './expected-message.ts';
import { startPeerServer } from './peer-server.ts';
import { startReceiverPeer } from './receiver-peer.ts';
import { startLoadGenerator } from './smtp-load.ts';
import { runSmtpRounds, type SmtpCase, type SmtpPeer, type SmtpRun, warmUp } from './smtp-rounds.ts';
import { verifyArchive } from './verify-archive.ts';

const HOST = 'peer.bench.example';
const DAY_MS = 86_400_000;
const LARGEST_BYTES = 2 * 1024 * 1024;

export interface SmtpPlan {
  case: SmtpCase;
  rounds: number;
  /** For how long each server is sent to before its first round. */
  warmUpMs: number;
  /** Names of servers to measure: `mailhold`, `postfix`, `smtp-server`, `discard`. */
  peers: readonly string[];
}

/**
 * Measures the plans, then reads back what Mailhold acknowledged.
 *
 * @param say gets a line for each run and for what could not be run
 * @throws Error where an acknowledged message is not in the archive exactly once, byte for byte
 */
export async function smtpBench(plans: readonly SmtpPlan[], say: (line: string) => void): Promise<SmtpRun[]> {
  const { certificate, privateKey } = await selfSignedCertificate(HOST, Date.now() - DAY_MS, Date.now() + DAY_MS);
  await using stack = new AsyncDisposableStack();
  const receiver = stack.use(await startReceiverPeer({ messageBytes: LARGEST_BYTES }));
  const peers: SmtpPeer[] = [receiver.peer];
  const wanted = new Set(plans.flatMap((plan) => plan.peers));
  if (wanted.has('postfix')) {
    if (postfixMissing !== undefined) say(`postfix ${postfixMissing}`);
    else {
      const postfix = stack.use(await startPostfix({ purpose: { kind: 'hold' } }));
      peers.push({ ...postfix, name: 'postfix', serverName: postfix.hostName, recipient: 'journal@hold.example' });
    }
  }
  for (const [kind, name] of [
    ['stock', 'smtp-server'],
    ['discard', 'discard'],
  ] as const) {
    if (!wanted.has(name)) continue;
    const server = stack.use(await startPeerServer({ kind, certificate, privateKey }));
    peers.push({ ...server, name, certificate, serverName: HOST, recipient: `journal@${HOST}` });
  }
  const generator = stack.use(startLoadGenerator());

  const runs: SmtpRun[] = [];
  const warmUps: SmtpRun[] = [];
  for (const plan of plans) {
    const measured = peers.filter(({ name }) => plan.peers.includes(name));
    say(`${plan.case.name}: warming up`);
    for (const peer of measured) {
      warmUps.push(await warmUp(generator, peer, plan.case, plan.warmUpMs, runs.length + warmUps.length));
    }
    const onRun = ({ peer, round, result }: SmtpRun): void =>
      say(`${plan.case.name}, round ${round + 1} of ${plan.rounds}: ${peer} ${result.perSecond.toFixed(0)}/s`);
    runs.push(
      ...(await runSmtpRounds(generator, measured, plan.case, plan.rounds, runs.length + warmUps.length, onRun)),
    );
  }

  await receiver.worker.stop();
  const ours = new Map([...warmUps, ...runs].filter(({ peer }) => peer === 'mailhold').map((one) => [one.run, one]));
  const acknowledged = [...ours.values()].flatMap(({ result }) => result.acknowledged);
  const check = messageChecker(({ run, connection, sequence }) => {
    const sent = ours.get(run);
    return sequence < (sent?.result.acknowledged[connection] ?? 0) ? sent?.case.messageBytes : undefined;
  });
  const total = acknowledged.reduce((sum, count) => sum + count, 0);
  const verified = await verifyArchive(receiver.worker.archive, total, (message) => {
    const checked = check(message);
    return 'wrong' in checked ? checked : { key: keyOf(checked.id) };
  });
  if (verified.wrong.length > 0) throw new Error(`the receiver's archive is not right: ${verified.wrong.join('; ')}`);
  say(`${verified.exact} messages that the receiver acknowledged stand in its archive, once and byte for byte`);
  return runs;
}
