import assert from 'node:assert/strict';
import { test } from 'node:test';
import { light, SMTP, sceneOf, served } from '../../test/plan-scene.ts';
import { plan } from './plan.ts';
import { resolveGateway } from './resolve.ts';

const gateway = (namespace: string, name: string, rest: string) => `
apiVersion: mailhold.dev/v1alpha1
kind: MailGateway
metadata: {name: ${name}, namespace: ${namespace}}
spec: {hostName: in.${name}.example, journalDomain: ${name}.example, archiveRef: {name: mail}, ${rest}}
`;
const connection = (namespace: string, rest: string) => `
apiVersion: mailhold.dev/v1alpha1
kind: ArchiveConnection
metadata: {name: journal, namespace: ${namespace}}
spec: {method: SMTP, smtp: {}, ${rest}}
`;
const ALL = 'allowedNamespaces: {from: All}';

/** Beside them there is contoso/default, role Default, for its own namespace. */
const cases: { name: string; manifests: string[]; found: string | RegExp }[] = [
  {
    name: 'the default gateway of its own namespace',
    manifests: [connection('contoso', '')],
    found: 'contoso/default',
  },
  {
    name: 'the gateway that it names',
    manifests: [
      gateway('mailhold', 'edge', ALL),
      connection('fabrikam', 'gatewayRef: {namespace: mailhold, name: edge}'),
    ],
    found: 'mailhold/edge',
  },
  {
    name: 'a gateway named without namespace, in its own',
    manifests: [gateway('contoso', 'edge', 'role: Named'), connection('contoso', 'gatewayRef: {name: edge}')],
    found: 'contoso/edge',
  },
  {
    name: 'a default gateway that admits its namespace by name',
    manifests: [
      gateway('mailhold', 'edge', 'role: Default, allowedNamespaces: {from: Selected, names: [fabrikam]}'),
      connection('fabrikam', ''),
    ],
    found: 'mailhold/edge',
  },
  {
    name: 'nothing where no default gateway admits it',
    manifests: [gateway('mailhold', 'edge', ALL), connection('fabrikam', '')],
    found: /^NoGateway No MailGateway with role Default admits the namespace fabrikam; name one/,
  },
  {
    name: 'nothing where the named one does not exist',
    manifests: [connection('contoso', 'gatewayRef: {name: defualt}')],
    found: /^NoGateway There is no MailGateway contoso\/defualt; correct spec\.gatewayRef\./,
  },
  {
    name: 'nothing where the named one does not admit it',
    manifests: [connection('fabrikam', 'gatewayRef: {namespace: contoso, name: default}')],
    found: /^NamespaceNotAllowed The MailGateway contoso\/default does not admit the namespace fabrikam/,
  },
  {
    name: 'nothing where two default gateways admit it',
    manifests: [gateway('mailhold', 'edge', `role: Default, ${ALL}`), connection('contoso', '')],
    found: /^AmbiguousGateway 2 default gateways admit the namespace contoso \(contoso\/default, mailhold\/edge\)/,
  },
];

for (const { name, manifests, found } of cases) {
  test(`a connection finds ${name}`, () => {
    const scene = sceneOf(...manifests);
    const [first] = scene.connections;
    assert.ok(first);
    const { gateway: resolved, fault } = resolveGateway(first, scene.gateways);
    const told = resolved
      ? `${resolved.metadata.namespace}/${resolved.metadata.name}`
      : `${fault?.reason} ${fault?.message}`;
    if (typeof found === 'string') assert.equal(told, found);
    else {
      assert.match(told, found);
      const planned = plan(served(scene));
      assert.equal(light(planned, 'journal', 'Ready').light, `False ${fault?.reason}`);
      assert.equal(light(planned, 'journal', 'Archiving').light, `False ${fault?.reason}`);
      assert.equal(planned.connections.get(first.metadata.uid)?.entry, undefined, 'and is not served');
    }
  });
}

test('a connection of a gateway without its archive says so, and so does the gateway', () => {
  const planned = plan({ ...served(sceneOf(SMTP)), archives: [] });
  const { light: ready, message } = light(planned, 'journal', 'Ready');
  assert.equal(ready, 'False NoArchive');
  assert.match(message, /There is no MailArchive contoso\/mail, which the MailGateway default names/);
});
