/**
 * Characters that JSON may hold as they are and the YAML reader of the API server refuses ("control characters are not
 * allowed", YAML 1.2 section 5.1), or takes for a line's end. Text of a mail server in a status may hold any of them.
 */
const NOT_IN_YAML = /[\u007f-\u009f\u2028\u2029\ufeff\ufffe\uffff]/g;
/** Half of a character: JSON.stringify writes it as an escape, which the reader refuses too. */
const LONE_SURROGATE = /\\u[dD][89abAB][0-9a-fA-F]{2}/g;

/**
 * The body of a server-side apply. Its content type is YAML; JSON is YAML once some characters are written as escapes.
 *
 * @param object exactly the fields that its writer owns
 */
export function applyBody(object: object): { contentType: string; text: string } {
  const text = JSON.stringify(object).replace(NOT_IN_YAML, escaped).replace(LONE_SURROGATE, '\\ufffd');
  return { contentType: 'application/apply-patch+yaml', text };
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
