/** Elements whose content is not for reading. */
const SILENT = new Set(['script', 'style', 'head', 'title', 'template']);
/** Elements that begin a line. */
const LINE = new Set(['p', 'div', 'br', 'tr', 'li', 'table', 'ul', 'ol', 'blockquote', 'hr', 'h1', 'h2', 'h3', 'h4']);

const ENTITIES: Record<string, string> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", nbsp: ' ' };

/**
 * What can be read of HTML without building a tree: tags away, a line for each block, entities resolved. One pass over
 * the text whatever is nested in it; a layout is not kept.
 */
export function readableText(html: string): string {
  let text = '';
  let at = 0;
  let silent: string | undefined;
  while (at < html.length) {
    const open = html.indexOf('<', at);
    const end = open < 0 ? html.length : open;
    if (silent === undefined) text += html.slice(at, end).replace(/\s+/g, ' ');
    if (open < 0) break;
    if (html.startsWith('<!--', open)) {
      at = after(html, '-->', open);
      continue;
    }
    at = after(html, '>', open);
    const [, closing, name = ''] = /^<(\/?)([a-z][a-z0-9]*)/i.exec(html.slice(open, open + 32)) ?? [];
    const element = name.toLowerCase();
    if (silent !== undefined) {
      if (closing === '/' && element === silent) silent = undefined;
    } else if (SILENT.has(element) && closing === '') silent = element;
    else if (LINE.has(element)) text += '\n';
    else if (element === 'td' || element === 'th') text += ' ';
  }
  return text
    .replace(/&(#x[0-9a-f]{1,6}|#\d{1,7}|[a-z]{2,8});/gi, (whole, entity: string) => resolved(entity) ?? whole)
    .split('\n')
    .map((line) => line.trim())
    .filter((line, index, lines) => line !== '' || lines[index - 1] !== '')
    .join('\n')
    .trim();
}

function after(html: string, mark: string, from: number): number {
  const at = html.indexOf(mark, from);
  return at < 0 ? html.length : at + mark.length;
}

function resolved(entity: string): string | undefined {
  if (!entity.startsWith('#')) return ENTITIES[entity.toLowerCase()];
  const code = /^#x/i.test(entity) ? Number.parseInt(entity.slice(2), 16) : Number(entity.slice(1));
  return code > 0 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff) ? String.fromCodePoint(code) : undefined;
}
