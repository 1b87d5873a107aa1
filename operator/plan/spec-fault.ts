import type { ArchiveConnection } from '../api/archive-connection.ts';
import { isLocalPart } from './address.ts';
import type { InputFault } from './inputs.ts';

/** What is wrong in a spec that the schema cannot see. */
export function specFault({ spec }: ArchiveConnection): InputFault | undefined {
  const block = spec.method === 'SMTP' ? spec.smtp : spec.imap;
  if (block === undefined) {
    const name = spec.method.toLowerCase();
    return { reason: 'InvalidSpec', message: `method ${spec.method} needs the block spec.${name}.` };
  }
  const pin = spec.smtp?.address;
  if (pin !== undefined && !isLocalPart(pin)) {
    return {
      reason: 'InvalidSpec',
      message:
        'The check characters of spec.smtp.address do not fit: a character was mistyped, or Mailhold did not make this address. Copy it again, or leave it out to get a new one.',
    };
  }
  return undefined;
}
