import assert from 'node:assert/strict';
import { isReason } from '../operator/api/reasons.ts';
import type { Condition } from '../operator/api/resource.ts';

interface WithStatus {
  kind: string;
  metadata: { name: string; generation: number };
  status?: { observedGeneration?: number; conditions?: Condition[] };
}

/** What a stack trace, a key and a PEM block look like. */
const NEVER_SHOWN = /\n\s+at |node:internal|\.ts:\d+:\d+|-----BEGIN|BEARER [A-Za-z0-9._-]{16}/i;

/**
 * Checks the rules that every status of ours keeps (kstatus, and what users are promised). Every test that makes a
 * status calls it.
 *
 * @param secrets texts that must not be found anywhere in the status
 */
export function checkKstatus(object: WithStatus, secrets: readonly string[] = []): void {
  const { status } = object;
  const name = `${object.kind} ${object.metadata.name}`;
  assert.ok(status, `${name} has a status`);
  const conditions = status.conditions ?? [];
  const find = (type: string) => conditions.find((condition) => condition.type === type);

  assert.equal(status.observedGeneration, object.metadata.generation, `${name}: observedGeneration`);
  const types = conditions.map(({ type }) => type);
  assert.equal(new Set(types).size, types.length, `${name}: one condition per type`);
  for (const condition of conditions) checkCondition(name, condition, object.metadata.generation);

  const ready = find('Ready');
  const failed = find('Failed');
  assert.ok(ready, `${name}: Ready is always present`);
  assert.ok(failed, `${name}: Failed is always present`);
  const isFailed = ready.status === 'False';
  assert.equal(failed.status, isFailed ? 'True' : 'False', `${name}: Failed is True exactly when Ready is False`);
  if (isFailed) {
    assert.equal(failed.reason, ready.reason, `${name}: Failed has Ready's reason`);
    assert.equal(failed.message, ready.message, `${name}: Failed has Ready's message`);
    assert.notEqual(ready.message, '', `${name}: a failure has words`);
  }
  assert.equal(find('Stalled')?.status, isFailed ? 'True' : undefined, `${name}: Stalled exists exactly while Failed`);
  assert.equal(
    find('Reconciling')?.status,
    ready.status === 'Unknown' ? 'True' : undefined,
    `${name}: Reconciling exists exactly while Ready is Unknown`,
  );

  const text = JSON.stringify(status);
  assert.doesNotMatch(text.replaceAll('\\n', '\n'), NEVER_SHOWN, `${name}: no stack trace and no key in a status`);
  for (const secret of secrets) assert.ok(!text.includes(secret), `${name}: no secret in a status`);
}

function checkCondition(name: string, condition: Condition, generation: number): void {
  const where = `${name}: ${condition.type}`;
  assert.match(condition.status, /^(True|False|Unknown)$/, where);
  assert.match(condition.reason, /^[A-Z][A-Za-z0-9]*$/, `${where}: the reason is CamelCase`);
  assert.ok(isReason(condition.reason), `${where}: ${condition.reason} is in the catalogue`);
  assert.ok(Array.from(condition.message).length <= 1024, `${where}: the message has at most 1024 characters`);
  assert.equal(condition.observedGeneration, generation, `${where}: observedGeneration`);
  assert.ok(!Number.isNaN(Date.parse(condition.lastTransitionTime)), `${where}: lastTransitionTime is a time`);
}
