export interface MetricsPart {
  /** Added to every series that does not have them. */
  labels: Readonly<Record<string, string>>;
  /** Prometheus text format, version 0.0.4. */
  text: string;
}

interface Family {
  head: string[];
  series: string[];
}

/**
 * Puts the metrics of several processes into one page: a family's lines together, as the format asks, its HELP and TYPE
 * once, and labels on each series so that no two are the same.
 */
export function mergeMetrics(parts: readonly MetricsPart[]): string {
  const families = new Map<string, Family>();
  for (const { labels, text } of parts) {
    let current: Family | undefined;
    let described = new Set<string>();
    for (const line of text.split('\n')) {
      if (line === '') continue;
      const comment = /^# (?:HELP|TYPE) (\S+)/.exec(line);
      if (comment?.[1] !== undefined) {
        const family = families.get(comment[1]) ?? { head: [], series: [] };
        families.set(comment[1], family);
        if (family !== current) described = new Set(family.head.map(kindOf));
        if (!described.has(kindOf(line))) family.head.push(line);
        current = family;
      } else if (!line.startsWith('#')) {
        const name = /^[^{\s]+/.exec(line)?.[0] ?? '';
        // A histogram's series bear suffixes; they belong to the family whose TYPE line stands above them.
        if (current === undefined) {
          current = families.get(name) ?? { head: [], series: [] };
          families.set(name, current);
        }
        current.series.push(withLabels(line, labels));
      }
    }
  }
  return `${[...families.values()].flatMap(({ head, series }) => [...head, ...series]).join('\n')}\n`;
}

function kindOf(comment: string): string {
  return comment.slice(0, 6);
}

function withLabels(line: string, labels: Readonly<Record<string, string>>): string {
  const open = line.indexOf('{');
  const space = line.indexOf(' ');
  const has = open !== -1 && open < space;
  const existing = has ? line.slice(open + 1, line.lastIndexOf('}')) : '';
  const added = Object.entries(labels)
    .filter(([name]) => !new RegExp(`(^|,)${name}=`).test(existing))
    .map(([name, value]) => `${name}="${value.replace(/[\\"\n]/g, (c) => (c === '\n' ? '\\n' : `\\${c}`))}"`);
  if (added.length === 0) return line;
  const all = [...added, ...(existing === '' ? [] : [existing])].join(',');
  return has
    ? `${line.slice(0, open)}{${all}}${line.slice(line.lastIndexOf('}') + 1)}`
    : `${line.slice(0, space)}{${all}}${line.slice(space)}`;
}
