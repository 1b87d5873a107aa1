import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import type { Cluster } from './cluster.ts';

export const CHART = join(import.meta.dirname, '../../charts/mailhold');
export const RELEASE = 'mailhold';
export const NAMESPACE = 'mailhold-system';

/** What a command said. */
export type Outcome = Awaited<ReturnType<Cluster['helm']>>;

/** Any object of Kubernetes, as a chart makes it. */
export interface Rendered {
  kind: string;
  metadata: { name: string; namespace?: string; labels: Record<string, string>; annotations?: Record<string, string> };
  rules?: { apiGroups: string[]; resources: string[]; resourceNames?: string[]; verbs: string[] }[];
  roleRef?: { kind: string; name: string };
  subjects?: object[];
  spec?: unknown;
}

/** What an installation is called, and where it is. */
export interface Release {
  name: string;
  namespace: string;
}

const FIRST: Release = { name: RELEASE, namespace: NAMESPACE };

/** `helm template` with these values besides the chart's own. */
export function template({ helm }: Pick<Cluster, 'helm'>, values: object = {}, release = FIRST): Promise<Outcome> {
  const { name, namespace } = release;
  return helm(['template', name, CHART, '--namespace', namespace, '-f', '-'], { input: JSON.stringify(values) });
}

/** The objects that the chart makes of these values. */
export async function render(
  cluster: Pick<Cluster, 'helm'>,
  values: object = {},
  release: Release = FIRST,
): Promise<Rendered[]> {
  const { code, stdout, stderr } = await template(cluster, values, release);
  if (code !== 0) throw new Error(stderr);
  return parseAllDocuments(stdout)
    .map((document) => document.toJS() as Rendered | null)
    .filter((object) => object !== null);
}

/** The object of this kind and name, which there has to be. */
export function find(objects: readonly Rendered[], kind: string, name = RELEASE): Rendered {
  const found = objects.find((object) => object.kind === kind && object.metadata.name === name);
  if (found === undefined) throw new Error(`there is no ${kind} ${name}`);
  return found;
}

/** `{a: {b: 1}}` of `a.b` and 1: how `--set` reads it. */
export function nested(path: string, value: unknown): Record<string, unknown> {
  return path.split('.').reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as Record<string, unknown>;
}

/** What is at `a.b.0.c` of an object; undefined where there is nothing. */
export function fieldAt(object: unknown, path: string): unknown {
  return path
    .split('.')
    .reduce<unknown>((at, key) => (at instanceof Object ? (at as Record<string, unknown>)[key] : undefined), object);
}
