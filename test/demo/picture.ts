const CHARACTER = 8.4;
const LINE = 20;
const MARGIN = 16;
const FOREGROUND = '#d7dae0';

/** What the codes that the command line uses look like. */
const STYLES: Readonly<Record<string, string>> = {
  '0': '',
  '1': 'font-weight="bold"',
  '2': 'fill="#8b929e"',
  '31': 'fill="#ff6b68"',
  '32': 'fill="#5fd38d"',
  '33': 'fill="#e5c07b"',
};

/** Lines of a terminal, with their colours, as an SVG picture; the title is what a screen reader says. */
export function terminalPicture(title: string, lines: readonly string[]): string {
  const longest = Math.max(...lines.map((line) => Array.from(plain(line)).length));
  const width = Math.ceil(longest * CHARACTER + 2 * MARGIN);
  const height = lines.length * LINE + 2 * MARGIN;
  const rows = lines.map((line, row) => {
    const y = MARGIN + (row + 0.75) * LINE;
    return `<text x="${MARGIN}" y="${y}" xml:space="preserve">${spans(line)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" font-family="ui-monospace, Menlo, Consolas, monospace" font-size="14" fill="${FOREGROUND}">
<title>${escaped(title)}</title>
<rect width="100%" height="100%" rx="8" fill="#1e2127"/>
${rows.join('\n')}
</svg>
`;
}

const CODE = /\u001b\[(\d+)m/g;

function plain(line: string): string {
  return line.replace(CODE, '');
}

function spans(line: string): string {
  let style = '';
  return line
    .split(CODE)
    .map((part, index) => {
      if (index % 2 === 1) {
        style = STYLES[part] ?? '';
        return '';
      }
      const text = escaped(part);
      return text === '' || style === '' ? text : `<tspan ${style}>${text}</tspan>`;
    })
    .join('');
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
