import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createTransport } from 'nodemailer';
import { renderLights } from '../../cli/lights.ts';
import { screen, terminalSize } from '../../cli/screen.ts';
import { standaloneClient } from '../../cli/standalone-client.ts';
import { paintFor } from '../../cli/table.ts';
import type { StandaloneStatus } from '../../operator/runtime/standalone/status-page.ts';
import { freeOr, mailboxPassword, makeDemoFolder } from './demo-folder.ts';
import { unexpectedLights } from './expected-lights.ts';
import { journalReport } from './journal-report.ts';
import { startMailServer } from './mail-server.ts';
import { COMMAND, outputOf, startMailhold } from './mailhold-process.ts';
import { terminalPicture } from './picture.ts';

const DEADLINE_MS = 60_000;
const HTTP_PORT = 8460;
/** Longest time that a question for a change is held; ages on the screen are drawn anew at least so often. */
const HELD_MS = 1_000;
/** Who journals, with the domain of its mail. */
const SENDERS = [
  { connection: 'office365', domain: 'contoso.example' },
  { connection: 'exchange', domain: 'fabrikam.example' },
];

type Surroundings = Pick<NodeJS.Process, 'stdout' | 'env' | 'once' | 'off'>;

/**
 * Shows Mailhold at work. Ends when the lights are as they should be; on a terminal it then goes on showing them until
 * Ctrl-C.
 *
 * @returns the exit code: 0 where every light is as it should be and the message came back byte for byte
 */
export async function runDemo(surroundings: Surroundings): Promise<number> {
  const { stdout } = surroundings;
  const ending = new AbortController();
  const end = (): void => ending.abort();
  surroundings.once('SIGINT', end).once('SIGTERM', end);
  try {
    await demo(surroundings, ending.signal);
    return 0;
  } catch (error) {
    if (ending.signal.aborted) return 130;
    stdout.write(`\n✗ ${error instanceof Error ? error.message : String(error)}\n`);
    return 1;
  } finally {
    surroundings.off('SIGINT', end).off('SIGTERM', end);
  }
}

async function demo({ stdout, env }: Surroundings, ended: AbortSignal): Promise<void> {
  const began = performance.now();
  const late = AbortSignal.timeout(DEADLINE_MS);
  const patience = AbortSignal.any([ended, late]);
  const say = (text: string): void => void stdout.write(`${text}\n`);
  const paint = paintFor({ stdout, env });
  const tick = paint('✓', 'green');

  const waiting = [1, 2, 3].map((n) =>
    journalReport({ to: 'undeliverable@contoso.example', domain: 'contoso.example', subject: `Undelivered ${n}` }),
  );
  // DEMO_MAIL_SERVER=scripted shows the demo as it is where Dovecot is not installed.
  const users = { undeliverable: await mailboxPassword(), sales: 'another one than in the demo' };
  await using mailServer = await startMailServer(users, 'undeliverable', waiting, env.DEMO_MAIL_SERVER === 'scripted');
  say(`${tick} ${mailServer.what} serves a mailbox with ${waiting.length} messages`);

  const folder = await makeDemoFolder(mailServer.port, mailServer.certificate);
  const httpPort = await freeOr(HTTP_PORT);
  const server = `http://127.0.0.1:${httpPort}`;
  await using mailhold = await startMailhold(
    [folder.path, '--http', `127.0.0.1:${httpPort}`, '--log-file', join(folder.path, 'mailhold.log')],
    { ...env, DEMO_SALES_PASSWORD: 'wrong' },
  );
  say(`${tick} mailhold run ${folder.path} (a copy of examples/demo)`);

  const client = standaloneClient(server, patience);
  let status = await client.status();
  const draw = screen({ stdout });
  const live = stdout.isTTY === true;
  const table = (): string =>
    renderLights(status, { paint, columns: live ? terminalSize(stdout).columns : undefined, now: Date.now() }).join(
      '\n',
    );
  /** Follows the status until it is so. */
  const until = async (what: () => string[]): Promise<void> => {
    for (let missing = what(); missing.length > 0; missing = what()) {
      try {
        status = await Promise.race([client.status({ since: status.change, ms: HELD_MS }), mailhold.ended]);
      } catch (error) {
        if (!late.aborted) throw error;
        throw new Error(`Not as it should be after ${DEADLINE_MS / 1000} s:\n  ${missing.join('\n  ')}`);
      }
      if (live) draw(`\n${table()}`);
    }
  };

  await until(() => SENDERS.flatMap(({ connection }) => notReceiving(status, connection)));
  const sent = await Promise.all(
    SENDERS.map(async ({ connection, domain }) => {
      const to = addressOf(status, connection) ?? '';
      const report = journalReport({ to, domain, subject: 'The offer' });
      await sendReport(report, to, folder.smtpPort, await issuedCertificate(folder.path));
      return report;
    }),
  );
  await until(() => unexpectedLights(status));
  const seconds = (): string => ((performance.now() - began) / 1000).toFixed(1);

  const [report = Buffer.alloc(0)] = sent;
  const digest = createHash('sha256').update(report).digest('hex');
  const reference = digest.slice(0, 12);
  const kept = await outputOf(['archive', 'cat', folder.archive, reference], patience);
  if (!kept.equals(report)) throw new Error(`The archive gave back other bytes than were sent (${reference}).`);

  const command = COMMAND.startsWith(`${process.cwd()}/`) ? COMMAND.slice(process.cwd().length + 1) : COMMAND;
  const closing = [
    '',
    `${tick} Three lights are green, one is red as it should be, after ${seconds()} s.`,
    `${tick} ${sent.length} journal reports were sent over STARTTLS; one was read back, ${kept.length} bytes, byte for byte:`,
    `    ${command} archive cat ${folder.archive} ${reference}`,
    `    ${command} archive show ${folder.archive} ${reference}`,
    `  The archive lies in ${folder.archive}; all that it holds:`,
    `    ${command} archive ls ${folder.archive}`,
  ];
  if (env.DEMO_PICTURE !== undefined) {
    const coloured = paintFor({ stdout: { write: () => true, isTTY: true }, env: {} });
    const lines = renderLights(status, { paint: coloured, columns: undefined, now: Date.now() });
    await writeFile(
      env.DEMO_PICTURE,
      terminalPicture('mailhold status: three connections with green lights, one with a red one and its reason', [
        '$ mailhold status',
        ...lines,
      ]),
    );
  }
  if (!live) {
    say(['', table(), ...closing].join('\n'));
    return;
  }
  const more = httpPort === HTTP_PORT ? '' : ` --server ${server}`;
  closing.push(
    `  In another terminal: ${command} status${more}, ${command} test wrong-password${more}`,
    '  Ctrl-C ends the demo; its folder stays.',
  );
  await show(() => draw(`\n${table()}\n${closing.join('\n')}`));

  async function show(redraw: () => void): Promise<void> {
    const following = standaloneClient(server, ended);
    while (!ended.aborted) {
      redraw();
      try {
        status = await Promise.race([following.status({ since: status.change, ms: HELD_MS }), mailhold.ended]);
      } catch (error) {
        if (!ended.aborted) throw error;
      }
    }
  }
}

function addressOf(status: StandaloneStatus, name: string): string | undefined {
  return status.connections.find(({ metadata }) => metadata.name === name)?.status?.address;
}

function notReceiving(status: StandaloneStatus, name: string): string[] {
  const found = status.connections.find(({ metadata }) => metadata.name === name);
  const ready = found?.status?.conditions?.find(({ type }) => type === 'Ready');
  return ready?.status === 'True' ? [] : [`${name} is not ready. ${ready?.message ?? ''}`.trim()];
}

/** The certificate that the gateway issued itself; a sender on the Internet would want a public one. */
function issuedCertificate(folder: string): Promise<string> {
  return readFile(join(folder, '.mailhold', 'certificates', 'mailhold_default.pem'), 'utf8');
}

async function sendReport(report: Buffer, to: string, port: number, ca: string): Promise<void> {
  const transport = createTransport({
    host: '127.0.0.1',
    port,
    requireTLS: true,
    tls: { ca, servername: 'in.archive.example.com' },
  });
  try {
    await transport.sendMail({ envelope: { from: '', to }, raw: report });
  } finally {
    transport.close();
  }
}
