import { createHash } from 'node:crypto';
import { stringify } from 'yaml';
import type { Kind } from './resource.ts';
import type { Field, ObjectSchema, Rule, Schema, TransitionRule } from './schema.ts';

type Plain = { [name: string]: unknown };

/** Says which sources a CustomResourceDefinition was generated from, so that an older one is told from ours. */
export const SCHEMA_REVISION_ANNOTATION = 'mailhold.dev/schema-revision';

/** A CustomResourceDefinition (apiextensions.k8s.io/v1) with a structural, bounded and described schema, as YAML. */
export function emitCRD(kind: Kind): string {
  const header = '# Generated from operator/api by `make generate`. Do not edit.\n';
  return header + stringify(crdOf(kind), { lineWidth: 120 });
}

/**
 * What {@link SCHEMA_REVISION_ANNOTATION} of the kind's definition says: the first 16 hex digits of SHA-256 over its spec.
 * The spec is rendered by this file alone, so equal sources give equal texts.
 */
export function schemaRevision(kind: Kind): string {
  return createHash('sha256')
    .update(JSON.stringify(specOf(kind)))
    .digest('hex')
    .slice(0, 16);
}

export function crdOf(kind: Kind): Plain {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: {
      name: `${kind.plural}.mailhold.dev`,
      labels: { 'app.kubernetes.io/name': 'mailhold' },
      annotations: { [SCHEMA_REVISION_ANNOTATION]: schemaRevision(kind) },
    },
    spec: specOf(kind),
  };
}

function specOf(kind: Kind): Plain {
  const columns = kind.columns.map(({ name, jsonPath, priority }) => ({
    name,
    type: 'string',
    jsonPath,
    ...(priority !== undefined && { priority }),
  }));
  return {
    group: 'mailhold.dev',
    scope: 'Namespaced',
    names: {
      kind: kind.kind,
      listKind: `${kind.kind}List`,
      singular: kind.singular,
      plural: kind.plural,
      shortNames: [kind.shortName],
      categories: ['mailhold'],
    },
    versions: [
      {
        name: 'v1alpha1',
        served: true,
        storage: true,
        subresources: { status: {} },
        additionalPrinterColumns: [...columns, { name: 'AGE', type: 'date', jsonPath: '.metadata.creationTimestamp' }],
        schema: { openAPIV3Schema: rootSchema(kind) },
      },
    ],
  };
}

function rootSchema(kind: Kind): Plain {
  return {
    type: 'object',
    description: kind.description,
    required: ['spec'],
    properties: {
      apiVersion: { type: 'string', description: 'mailhold.dev/v1alpha1' },
      kind: { type: 'string', description: kind.kind },
      metadata: { type: 'object' },
      spec: schemaOf(kind.spec),
      // An object that nobody has looked at yet reads as in progress to kstatus, not as current.
      status: { ...schemaOf(kind.status), default: { observedGeneration: -1 } },
    },
    ...rulesOf(kind.rules, undefined),
  };
}

function schemaOf(schema: Schema): Plain {
  const common = { description: schema.description };
  const rules = rulesOf(schema.rules, schema.transitions);
  switch (schema.type) {
    case 'string':
      return {
        type: 'string',
        ...common,
        ...(schema.enum && { enum: schema.enum }),
        ...(schema.format && { format: schema.format }),
        ...(schema.pattern !== undefined && { pattern: schema.pattern }),
        ...(schema.minLength !== undefined && { minLength: schema.minLength }),
        ...(schema.maxLength !== undefined && { maxLength: schema.maxLength }),
        ...rules,
      };
    case 'integer':
      return {
        type: 'integer',
        format: 'int64',
        ...common,
        minimum: schema.minimum,
        maximum: schema.maximum,
        ...rules,
      };
    case 'list':
      return {
        type: 'array',
        ...common,
        ...(schema.minItems !== undefined && { minItems: schema.minItems }),
        maxItems: schema.maxItems,
        'x-kubernetes-list-type': typeof schema.merge === 'object' ? 'map' : schema.merge,
        ...(typeof schema.merge === 'object' && { 'x-kubernetes-list-map-keys': schema.merge.keys }),
        items: schemaOf(schema.items),
        ...rules,
      };
    case 'map':
      return {
        type: 'object',
        ...common,
        maxProperties: schema.maxProperties,
        additionalProperties: schemaOf(schema.values),
        ...rules,
      };
    case 'object':
      return objectOf(schema, common, rules);
  }
}

function objectOf(schema: ObjectSchema, common: Plain, rules: Plain): Plain {
  const fields = Object.entries(schema.fields).filter(([, field]) => field.only !== 'standalone');
  const required = fields.filter(([, field]) => field.required).map(([name]) => name);
  return {
    type: 'object',
    ...common,
    ...(required.length > 0 && { required }),
    properties: Object.fromEntries(fields.map(([name, field]) => [name, fieldOf(field)])),
    ...rules,
  };
}

function fieldOf(field: Field): Plain {
  return {
    ...schemaOf(field.schema),
    ...(field.default !== undefined && { default: filled(field.schema, field.default) }),
  };
}

/** A default with the defaults of its own fields: the API server holds its rules against it as it stands here. */
function filled(schema: Schema, value: unknown): unknown {
  if (schema.type !== 'object' || typeof value !== 'object' || value === null) return value;
  const result: Plain = { ...value };
  for (const [name, field] of Object.entries(schema.fields)) {
    if (field.only === 'standalone') continue;
    const inner = result[name] ?? field.default;
    if (inner !== undefined) result[name] = filled(field.schema, inner);
  }
  return result;
}

function rulesOf(rules: readonly Rule[] | undefined, transitions: readonly TransitionRule[] | undefined): Plain {
  const all = [...(rules ?? []).filter((rule) => rule.only !== 'standalone'), ...(transitions ?? [])];
  if (all.length === 0) return {};
  return { 'x-kubernetes-validations': all.map(({ cel, message }) => ({ rule: cel, message })) };
}
