import { join } from 'node:path';
import { generate, ROOT } from './generated-files.ts';
import { reasons, type Severity } from './reasons.ts';

const SEVERITIES: Readonly<Record<Severity, string>> = {
  error: 'A person has to act, or the source has to come back.',
  warning: 'It works; look at it.',
  wait: 'Mailhold is at work.',
  ok: 'Nothing to do.',
};

/** docs/reasons.md: every word that a condition can give as its reason. */
export function reasonFiles(): Map<string, string> {
  return new Map([[join(ROOT, 'docs', 'reasons.md'), reasonsPage()]]);
}

function reasonsPage(): string {
  const lines = [
    '<!-- Generated from operator/api/reasons.ts by `make generate`. Do not edit. -->',
    '# Reasons',
    '',
    'Each condition of a resource has a reason: one of these words. They are a stable interface; the messages beside them',
    'are for people and may change.',
    '',
  ];
  for (const [severity, meaning] of Object.entries(SEVERITIES)) {
    lines.push(`## ${severity}: ${meaning}`, '', '| reason | what it means | what to do |', '|---|---|---|');
    for (const [name, entry] of Object.entries(reasons)) {
      if (entry.severity === severity) lines.push(`| \`${name}\` | ${entry.text} | ${entry.action} |`);
    }
    lines.push('');
  }
  return `${lines.join('\n').trimEnd()}\n`;
}

if (import.meta.main) await generate(reasonFiles());
