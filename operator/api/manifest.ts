import { type Document, isMap, isNode, isScalar, LineCounter, parseAllDocuments } from 'yaml';
import type { AnyResource } from './kinds.ts';
import type { Platform } from './schema.ts';
import { isRecord, type Path } from './validate.ts';
import { validateResource } from './validate-resource.ts';

/** So many uses of anchors are more than anybody writes, and few enough not to fill memory. */
const MAX_ALIASES = 100;

/** Where something stands: file as it was given, line and column from 1. */
export interface Place {
  file: string;
  line: number;
  column: number;
}

export interface Manifest extends Place {
  resource: AnyResource;
}

export interface ManifestProblem extends Place {
  message: string;
}

export interface ParsedManifests {
  objects: Manifest[];
  problems: ManifestProblem[];
}

/** The objects of a file in YAML or JSON: several documents, and `kind: List`. A document with a problem gives none. */
export function parseManifests(file: string, text: string, platform: Platform = 'standalone'): ParsedManifests {
  const lineCounter = new LineCounter();
  const placeAt = (offset: number): Place => {
    const { line, col } = lineCounter.linePos(offset);
    return { file, line: Math.max(1, line), column: Math.max(1, col) };
  };
  let documents: readonly Document.Parsed[];
  try {
    documents = [...parseAllDocuments(text, { lineCounter, prettyErrors: false, logLevel: 'error' })];
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    return {
      objects: [],
      problems: [{ file, line: 1, column: 1, message: 'The file is nested too deeply to be read.' }],
    };
  }

  const parsed: ParsedManifests = { objects: [], problems: [] };
  for (const document of documents) {
    for (const error of document.errors) {
      parsed.problems.push({ ...placeAt(error.pos[0]), message: `The file is not YAML: ${error.message}.` });
    }
    if (document.errors.length > 0) continue;
    const place = (path: Path, on: 'key' | 'value') => placeAt(offsetOf(document, path, on));
    const value = plainValue(document);
    if (value instanceof RefusedDocument) {
      parsed.problems.push({ ...place([], 'value'), message: value.message });
      continue;
    }
    for (const { raw, path } of itemsOf(value)) {
      const { resource, problems } = validateResource(raw, platform, path);
      parsed.problems.push(...problems.map((it) => ({ ...place(it.path, it.on), message: it.message })));
      if (resource !== undefined) parsed.objects.push({ ...place(path, 'value'), resource });
    }
  }
  return parsed;
}

/** A problem for every object that has the kind and name of one before it; both places are named. */
export function duplicateProblems(objects: readonly Manifest[]): ManifestProblem[] {
  const first = new Map<string, Manifest>();
  return objects.flatMap((object) => {
    const { kind, metadata } = object.resource;
    const key = `${kind} ${metadata.namespace}/${metadata.name}`;
    const other = first.get(key);
    if (other === undefined) {
      first.set(key, object);
      return [];
    }
    const { file, line, column } = object;
    const message = `${key} stands here and in ${other.file}:${other.line}; the one there is used. Rename or delete one.`;
    return [{ file, line, column, message }];
  });
}

class RefusedDocument {
  readonly message: string;
  constructor(message: string) {
    this.message = message;
  }
}

/** Anchors that expand into more than {@link MAX_ALIASES} uses are an attack or an accident. */
function plainValue(document: Document.Parsed): unknown {
  try {
    return document.toJS({ maxAliasCount: MAX_ALIASES });
  } catch (error) {
    if (error instanceof RangeError) return new RefusedDocument('The document is nested too deeply to be read.');
    if (!(error instanceof ReferenceError)) throw error;
    return new RefusedDocument(`The anchors of this document cannot be followed: ${error.message}.`);
  }
}

function itemsOf(value: unknown): { raw: unknown; path: Path }[] {
  if (value === null || value === undefined) return [];
  if (!isRecord(value) || value.kind !== 'List' || !Array.isArray(value.items)) return [{ raw: value, path: [] }];
  return value.items.map((raw: unknown, index) => ({ raw, path: ['items', index] }));
}

/** The offset of what stands at a path; of the nearest thing around it where that is not in the text. */
function offsetOf(document: Document.Parsed, path: Path, on: 'key' | 'value'): number {
  if (on === 'key') {
    const parent = document.getIn(path.slice(0, -1), true);
    const pair = isMap(parent)
      ? parent.items.find(({ key }) => isScalar(key) && String(key.value) === path.at(-1))
      : undefined;
    if (isNode(pair?.key) && pair.key.range) return pair.key.range[0];
  }
  for (let length = path.length; length >= 0; length--) {
    const node = document.getIn(path.slice(0, length), true);
    if (isNode(node) && node.range) return node.range[0];
  }
  return document.range[0];
}
