import type { ArchiveConnection } from '../api/archive-connection.ts';
import type { MailGateway } from '../api/mail-gateway.ts';
import type { InputFault } from './inputs.ts';

export type GatewayResolution = { gateway: MailGateway; fault?: never } | { gateway?: never; fault: InputFault };

/** The gateway that serves a connection: the one it names, else the one default gateway that admits its namespace. */
export function resolveGateway(connection: ArchiveConnection, gateways: readonly MailGateway[]): GatewayResolution {
  const { namespace } = connection.metadata;
  const reference = connection.spec.gatewayRef;
  if (reference !== undefined) {
    const wanted = { namespace: reference.namespace ?? namespace, name: reference.name };
    const gateway = gateways.find(
      ({ metadata }) => metadata.namespace === wanted.namespace && metadata.name === wanted.name,
    );
    if (gateway === undefined) {
      return fault('NoGateway', `There is no MailGateway ${wanted.namespace}/${wanted.name}; correct spec.gatewayRef.`);
    }
    if (!admits(gateway, namespace)) {
      return fault(
        'NamespaceNotAllowed',
        `The MailGateway ${wanted.namespace}/${wanted.name} does not admit the namespace ${namespace}; its owner adds it to spec.allowedNamespaces.`,
      );
    }
    return { gateway };
  }

  const candidates = gateways.filter((gateway) => gateway.spec.role === 'Default' && admits(gateway, namespace));
  const [first] = candidates;
  if (first === undefined) {
    return fault(
      'NoGateway',
      `No MailGateway with role Default admits the namespace ${namespace}; name one in spec.gatewayRef, or write role: Default in the MailGateway that is to serve it.`,
    );
  }
  if (candidates.length > 1) {
    const names = candidates.map(({ metadata }) => `${metadata.namespace}/${metadata.name}`).sort();
    return fault(
      'AmbiguousGateway',
      `${candidates.length} default gateways admit the namespace ${namespace} (${names.slice(0, 4).join(', ')}); name one in spec.gatewayRef.`,
    );
  }
  return { gateway: first };
}

function admits({ metadata, spec }: MailGateway, namespace: string): boolean {
  const { from, names } = spec.allowedNamespaces;
  switch (from) {
    case 'Same':
      return metadata.namespace === namespace;
    case 'All':
      return true;
    case 'Selected':
      return names?.includes(namespace) ?? false;
  }
}

function fault(reason: InputFault['reason'], message: string): GatewayResolution {
  return { fault: { reason, message } };
}
