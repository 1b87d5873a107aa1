import assert from 'node:assert/strict';
import { test } from 'node:test';
import { attempt, later, light, refusedLogin, sceneOf, served } from '../../test/plan-scene.ts';
import { deriveLocalPart } from './address.ts';
import { type PlanInput, plan } from './plan.ts';

interface Wish {
  name: string;
  namespace?: string;
  /** Day of its creation. */
  day: number;
  imap?: string;
  smtp?: string;
  state?: string;
}

const manifest = ({ name, namespace = 'contoso', day, imap, smtp, state = 'Enabled' }: Wish) => `
apiVersion: mailhold.dev/v1alpha1
kind: ArchiveConnection
metadata: {name: ${name}, namespace: ${namespace}, creationTimestamp: "2026-11-${String(day).padStart(2, '0')}T00:00:00Z"}
spec:
  state: ${state}
  gatewayRef: {namespace: contoso, name: shared}
  ${
    smtp === undefined
      ? `method: IMAP\n  imap: {host: imap.example.com, user: keeper, passwordRef: {file: pw, host: imap.example.com}${imap ?? ''}}`
      : `method: SMTP\n  smtp: ${smtp}`
  }
`;
const SHARED = `
apiVersion: mailhold.dev/v1alpha1
kind: MailGateway
metadata: {name: shared, namespace: contoso}
spec: {hostName: a.example, journalDomain: a.example, archiveRef: {name: mail}, allowedNamespaces: {from: All}}
`;
const scene = (...wishes: Wish[]) => sceneOf(SHARED, ...wishes.map(manifest));
const ready = (input: PlanInput, name: string) => light(plan(input), name, 'Ready');

test('of two connections for one mailbox the older has it, and the younger is told by whom', () => {
  const both = served(scene({ name: 'young', day: 2 }, { name: 'old', day: 1 }));
  assert.equal(ready(both, 'old').light, 'True Succeeded');
  assert.equal(ready(both, 'young').light, 'False ResourceConflict');
  assert.match(ready(both, 'young').message, /^The older ArchiveConnection old has this mailbox/);
});

test('the name of a connection in another namespace is not told', () => {
  const both = served(scene({ name: 'young', day: 2 }, { name: 'old', namespace: 'fabrikam', day: 1 }));
  const { light: lit, message } = ready(both, 'young');
  assert.equal(lit, 'False ResourceConflict');
  assert.doesNotMatch(message, /old(?!er)|fabrikam/);
});

test('the younger is promoted when the older goes, and when the older is Disabled', () => {
  assert.equal(ready(served(scene({ name: 'young', day: 2 })), 'young').light, 'True Succeeded');
  const idle = served(scene({ name: 'young', day: 2 }, { name: 'old', day: 1, state: 'Disabled' }));
  assert.equal(ready(idle, 'young').light, 'True Succeeded');
});

test('who cannot log in holds a mailbox from nobody, and has it again when the login works again', () => {
  const refused = served(scene({ name: 'young', day: 2 }, { name: 'old', day: 1 }), {
    facts: (entry) => ({ attempt: attempt(entry, refusedLogin()) }),
  });
  const promoted = served(later(refused, 1_000), {
    facts: (entry) => (entry.name === 'old' ? { attempt: attempt(entry, refusedLogin()) } : {}),
  });
  assert.equal(ready(promoted, 'old').light, 'False AuthenticationFailed');
  assert.equal(ready(promoted, 'young').light, 'True Succeeded');
  const again = later(promoted, 60_000);
  assert.equal(ready(again, 'young').light, 'True Succeeded', 'and it does not flap');
  const mended = served(again);
  assert.equal(ready(mended, 'old').light, 'True Succeeded');
  assert.equal(ready(mended, 'young').light, 'False ResourceConflict');
});

test('who has no password that may be sent holds a mailbox from nobody', () => {
  const input = served(scene({ name: 'young', day: 2 }, { name: 'old', day: 1 }));
  const old = input.connections.find(({ metadata }) => metadata.name === 'old');
  const secrets = new Map([...input.secrets].filter(([uid]) => uid !== old?.metadata.uid));
  assert.equal(ready(served({ ...input, secrets }), 'young').light, 'True Succeeded');
});

test('another folder of the same mailbox is no conflict; INBOX in other letters is', () => {
  const sent = served(scene({ name: 'young', day: 2, imap: ', folder: Sent' }, { name: 'old', day: 1 }));
  assert.equal(ready(sent, 'young').light, 'True Succeeded');
  const inbox = served(scene({ name: 'young', day: 2, imap: ', folder: inbox' }, { name: 'old', day: 1 }));
  assert.equal(ready(inbox, 'young').light, 'False ResourceConflict');
});

test('equal ages are decided by name, alike for everybody', () => {
  const both = served(scene({ name: 'b', day: 1 }, { name: 'a', day: 1 }));
  assert.equal(ready(both, 'a').light, 'True Succeeded');
  assert.equal(ready(both, 'b').light, 'False ResourceConflict');
});

const KEY = Buffer.alloc(32, 7);
const taken = deriveLocalPart(KEY, 'contoso', 'old', 1);
const foreign = deriveLocalPart(Buffer.alloc(32, 1), 'contoso', 'gone', 1);

test("a pin on another connection's derived address is refused, whichever is older", () => {
  const both = served(
    scene({ name: 'thief', day: 1, smtp: `{address: ${taken}}` }, { name: 'old', day: 2, smtp: '{}' }),
  );
  assert.equal(ready(both, 'thief').light, 'False ResourceConflict');
  assert.match(ready(both, 'old').light, /^True/);
});

test("a pin on another connection's retiring or earlier address is refused", () => {
  const before = later(served(scene({ name: 'old', day: 2, smtp: '{}' })), 0);
  const raised = scene(
    { name: 'thief', day: 1, smtp: `{address: ${taken}}` },
    { name: 'old', day: 2, smtp: '{addressGeneration: 2, retireAfter: 0s}' },
  );
  const status = before.connections[0]?.status;
  assert.ok(status);
  const connections = raised.connections.map((it) => (it.metadata.name === 'old' ? { ...it, status } : it));
  assert.equal(ready(served({ ...raised, connections }), 'thief').light, 'False ResourceConflict');
});

test('of two equal pins the older has the address', () => {
  const both = served(
    scene({ name: 'a', day: 2, smtp: `{address: ${foreign}}` }, { name: 'b', day: 1, smtp: `{address: ${foreign}}` }),
  );
  assert.equal(ready(both, 'b').light, 'True Succeeded');
  assert.equal(ready(both, 'a').light, 'False ResourceConflict');
});

test('a pin with a mistyped character is refused before anything is served', () => {
  const mistyped = `${foreign.slice(0, 5)}${foreign[5] === '0' ? '1' : '0'}${foreign.slice(6)}`;
  const { light: lit, message } = ready(served(scene({ name: 'a', day: 1, smtp: `{address: ${mistyped}}` })), 'a');
  assert.equal(lit, 'False InvalidSpec');
  assert.match(message, /check characters of spec\.smtp\.address do not fit/);
});
