/**
 * Characters that JSON may hold as they are, and that the YAML reader of the API server refuses ("control characters are
 * not allowed") or, as U+0085, reads as a space. Text of some other server, in a status, may hold any of them.
 */
const NOT_IN_YAML = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g;

/**
 * The body of a server-side apply. Its content type is YAML; JSON is YAML once some characters are written as escapes.
 *
 * @param object exactly the fields that its writer owns
 */
export function applyBody(object: object): { contentType: string; text: string } {
  const text = JSON.stringify(object, wellFormed).replace(NOT_IN_YAML, escaped);
  return { contentType: 'application/apply-patch+yaml', text };
}

/** Half of a character would be written as an escape that the reader refuses. */
function wellFormed(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? value.toWellFormed() : value;
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
