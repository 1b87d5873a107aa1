import type { Certificate } from '../../../workers/process/contract.ts';
import type { MailGateway } from '../../api/mail-gateway.ts';
import type { KubeClient } from '../../kube/client.ts';
import type { InputFault } from '../../plan/inputs.ts';
import { issueCertificate, keptCertificate } from '../certificates/issued.ts';
import { pairFault } from '../certificates/pair-fault.ts';
import { types } from './resource-types.ts';
import { gatewaySecret, keyPairOf, keysInWords, MANAGER, type SecretObject, secretFault } from './secret-object.ts';

/** The Secret with the certificate of a gateway that names none. */
export function certificateName(gateway: string): string {
  return `${gateway}-certificate`;
}

export type CertificateReading =
  | {
      kind: 'certificate';
      certificate: Certificate;
      /** Of one that we issued: when to renew it, in ms since 1970. */
      renewAt?: number;
    }
  | { kind: 'fault'; fault: InputFault };

/**
 * The certificate that a gateway names, or one that signs itself, kept in a Secret of the gateway and issued anew at two
 * thirds of its life or for another host name.
 *
 * @param now ms since 1970
 * @returns undefined where the API server cannot be asked now
 */
export async function readCertificate(
  client: KubeClient,
  gateway: MailGateway,
  now: number,
): Promise<CertificateReading | undefined> {
  const { namespace } = gateway.metadata;
  const given = gateway.spec.tls?.certificateRef?.name;
  const ref = { namespace, name: given ?? certificateName(gateway.metadata.name) };
  let use: 'read' | 'write' = 'read';
  try {
    const found = await client.get<SecretObject>(types.Secret, ref);
    if (given !== undefined) return givenCertificate(found, namespace, given);
    const hostName = gateway.spec.hostName.toLowerCase();
    const kept = found && keptCertificate(keyPairOf(found), hostName, now);
    const { certificate, privateKey, renewAt } = kept ?? (await issueCertificate(hostName, now));
    if (kept === undefined) {
      const secret = gatewaySecret(gateway, ref.name, 'kubernetes.io/tls', {
        'tls.crt': certificate,
        'tls.key': privateKey,
      });
      use = 'write';
      await client.apply(types.Secret, secret, { manager: MANAGER });
    }
    return { kind: 'certificate', certificate: { certificate, privateKey, issuedByUs: true }, renewAt };
  } catch (error) {
    const fault = secretFault(error, ref, use);
    return fault && { kind: 'fault', fault };
  }
}

function givenCertificate(found: SecretObject | undefined, namespace: string, name: string): CertificateReading {
  const secret = `the Secret ${namespace}/${name}`;
  const fault = (message: string): CertificateReading => ({
    kind: 'fault',
    fault: { reason: 'CertificateInvalid', message },
  });
  if (found === undefined) {
    return fault(
      `The Secret ${namespace}/${name}, which spec.tls.certificateRef names, does not exist; create it: kubectl create secret tls ${name} -n ${namespace} --cert=tls.crt --key=tls.key`,
    );
  }
  const { certificate, privateKey } = keyPairOf(found);
  if (certificate === undefined || privateKey === undefined) {
    return fault(`The Secret ${namespace}/${name} needs the keys tls.crt and tls.key; ${keysInWords(found)}.`);
  }
  const places = { certificate: `tls.crt of ${secret}`, privateKey: `tls.key of ${secret}` };
  const wrong = pairFault(certificate, privateKey, places);
  if (wrong !== undefined) return fault(wrong);
  return { kind: 'certificate', certificate: { certificate, privateKey, issuedByUs: false } };
}
