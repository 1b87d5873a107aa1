import type { ArchiveConnection } from '../api/archive-connection.ts';
import type { AddressRecord } from '../api/archive-connection-status.ts';
import { parseDuration } from '../api/duration.ts';
import type { Derivation } from './derivation.ts';

/** The schema's bound on status.addresses. */
const REMEMBERED = 16;
/** Generations before the current one that are served again where status was lost. */
const RECALLED_GENERATIONS = 4;

export interface Addresses {
  current: string;
  /** The current one first, then the retiring and the retired ones, newest first: what status.addresses holds. */
  records: AddressRecord[];
  /** Local parts that take mail now: the current one first, then the retiring ones. */
  served: string[];
  /** When the next one retires, in ms since 1970. */
  nextRetirement?: number;
}

/**
 * The local parts of an SMTP connection. One that was replaced (a raised generation, a new pin) takes mail for
 * `retireAfter` more. Where status was lost, that time starts again for the generations before.
 *
 * @param now ms since 1970
 */
export function addressesOf(connection: ArchiveConnection, derive: Derivation, now: number): Addresses | undefined {
  const { metadata, spec, status } = connection;
  const smtp = spec.smtp;
  if (smtp === undefined) return undefined;
  const derived = (generation: number) => derive(metadata.namespace, metadata.name, generation);
  const current = smtp.address ?? derived(smtp.addressGeneration);
  const retiresAt = new Date(now + (parseDuration(smtp.retireAfter) ?? 0)).toISOString();
  const since = new Date(now).toISOString();

  const known = status?.addresses ?? recalled(smtp.addressGeneration, derived, since);
  const kept = known.find((record) => record.localPart === current);
  const records: AddressRecord[] = [
    { localPart: current, since: kept !== undefined && kept.retiresAt === undefined ? kept.since : since },
    ...known
      .filter((record) => record.localPart !== current)
      .map((record) => (record.retiresAt === undefined ? { ...record, retiresAt } : record)),
  ].slice(0, REMEMBERED);

  const retiring = records.filter((record) => record.retiresAt !== undefined && Date.parse(record.retiresAt) > now);
  const next = Math.min(...retiring.map((record) => Date.parse(record.retiresAt ?? '')));
  return {
    current,
    records,
    served: [current, ...retiring.map((record) => record.localPart)],
    ...(Number.isFinite(next) && { nextRetirement: next }),
  };
}

function recalled(current: number, derived: (generation: number) => string, since: string): AddressRecord[] {
  const first = Math.max(1, current - RECALLED_GENERATIONS);
  return Array.from({ length: current - first }, (_, index) => ({ localPart: derived(current - 1 - index), since }));
}
