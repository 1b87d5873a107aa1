import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { Certificate } from '../../../workers/process/contract.ts';
import type { MailGateway } from '../../api/mail-gateway.ts';
import type { GatewayMaterial, InputFault } from '../../plan/inputs.ts';
import { pairFault } from '../certificates/pair-fault.ts';
import { LocalFault } from './local-fault.ts';
import { systemCode } from './startup-error.ts';
import type { StateFolder } from './state.ts';

/** An address key has as many bits as the derivation of addresses uses of its digest. */
const LEAST_KEY_BYTES = 16;

export interface ReadMaterial {
  material: GatewayMaterial;
  /** When a certificate that Mailhold issued is to be renewed, in ms since 1970. */
  renewAt?: number;
}

export interface GatewayMaterials {
  /** Reads all that a gateway needs beside its manifest; makes what it was not given. */
  read(gateway: MailGateway, now: number): Promise<ReadMaterial>;
}

/** Folders with files that the gateway's manifest names; a change there asks for another reading. */
export function materialFolders(folder: string, { spec }: MailGateway): string[] {
  const files = [spec.tls?.certificateFile, spec.tls?.keyFile, spec.addressKeyRef?.file];
  return files.filter((file) => file !== undefined).map((file) => dirname(resolve(folder, file)));
}

/** @param folder what relative paths in manifests are relative to */
export function createGatewayMaterials(folder: string, state: StateFolder): GatewayMaterials {
  const issued = new Map<string, Awaited<ReturnType<StateFolder['certificate']>> & { hostName: string }>();
  const lastGood = new Map<string, Certificate>();

  const issue = async ({ metadata, spec }: MailGateway, now: number) => {
    const hostName = spec.hostName.toLowerCase();
    const known = issued.get(metadata.uid);
    if (known !== undefined && known.hostName === hostName && now < known.renewAt) return known;
    const made = { ...(await state.certificate(metadata, hostName, now)), hostName };
    issued.set(metadata.uid, made);
    return made;
  };
  const given = async (certificateFile: string, keyFile: string): Promise<Certificate> => {
    const certificate = await readText(folder, certificateFile, 'CertificateInvalid');
    const privateKey = await readText(folder, keyFile, 'CertificateInvalid');
    const fault = pairFault(certificate, privateKey, { certificate: certificateFile, privateKey: keyFile });
    if (fault !== undefined) throw new LocalFault('CertificateInvalid', fault);
    return { certificate, privateKey, issuedByUs: false };
  };

  return {
    read: async (gateway, now) => {
      const { metadata, spec } = gateway;
      const { certificateFile, keyFile } = spec.tls ?? {};
      const selfTestKey = await state.selfTestKey(metadata);
      const addressKey = await faultOr(async () => {
        if (spec.addressKeyRef?.file === undefined) return Buffer.from(await state.addressKey(metadata), 'base64');
        return decodeKey(spec.addressKeyRef.file, await readText(folder, spec.addressKeyRef.file, 'SecretNotFound'));
      });
      if (certificateFile === undefined || keyFile === undefined) {
        const { certificate, privateKey, renewAt } = await issue(gateway, now);
        return {
          material: { addressKey, selfTestKey, certificate: { certificate, privateKey, issuedByUs: true } },
          renewAt,
        };
      }
      const certificate = await faultOr(() => given(certificateFile, keyFile));
      if ('certificate' in certificate) {
        lastGood.set(metadata.uid, certificate);
        return { material: { addressKey, selfTestKey, certificate } };
      }
      const last = lastGood.get(metadata.uid);
      return {
        material: { addressKey, selfTestKey, certificateFault: certificate, ...(last && { certificate: last }) },
      };
    },
  };
}

async function faultOr<T>(read: () => Promise<T>): Promise<T | InputFault> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof LocalFault) return { reason: error.reason, message: error.message };
    throw error;
  }
}

async function readText(folder: string, file: string, reason: InputFault['reason']): Promise<string> {
  try {
    return await readFile(resolve(folder, file), 'utf8');
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined) throw error;
    const why = code === 'ENOENT' || code === 'ENOTDIR' ? 'does not exist' : `cannot be read (${code})`;
    throw new LocalFault(reason, `The file ${file} ${why}.`);
  }
}

function decodeKey(file: string, text: string): Uint8Array {
  const key = Buffer.from(text.trim(), 'base64');
  if (key.length >= LEAST_KEY_BYTES && /^[A-Za-z0-9+/=\s]+$/.test(text)) return key;
  throw new LocalFault(
    'SecretKeyMissing',
    `The file ${file} does not hold ${LEAST_KEY_BYTES} bytes or more in base64.`,
  );
}
