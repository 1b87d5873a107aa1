import { generateKeyPairSync, type KeyObject, randomBytes, sign } from 'node:crypto';

/**
 * A self-signed server certificate (RFC 5280) with an ECDSA P-256 key for one host name. Written out by hand, since its
 * shape is fixed and small; node:crypto reads certificates but makes none.
 *
 * @param notBefore and notAfter in ms since 1970, from 1970 to 2049 (UTCTime)
 * @returns PEM texts, the key in PKCS #8
 */
export function selfSignedCertificate(
  hostName: string,
  notBefore: number,
  notAfter: number,
): { certificate: string; privateKey: string } {
  const keys = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const tbs = tbsCertificate(hostName, notBefore, notAfter, keys.publicKey);
  const signature = sign('sha256', tbs, keys.privateKey);
  const certificate = sequence(tbs, ECDSA_WITH_SHA256, bitString(signature));
  return {
    certificate: pem('CERTIFICATE', certificate),
    privateKey: keys.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

function tbsCertificate(hostName: string, notBefore: number, notAfter: number, publicKey: KeyObject): Buffer {
  // A common name has at most 64 characters (RFC 5280 appendix A.1, ub-common-name). Verifiers read the SAN alone.
  const name = distinguishedName(hostName.length <= 64 ? hostName : 'mailhold');
  const serial = randomBytes(16);
  // Positive, and without a leading zero octet (section 4.1.2.2).
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  return sequence(
    explicit(0, integer(Buffer.of(2))),
    integer(serial),
    ECDSA_WITH_SHA256,
    name,
    sequence(utcTime(notBefore), utcTime(notAfter)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    explicit(
      3,
      sequence(
        extension(OID_BASIC_CONSTRAINTS, true, sequence()),
        extension(OID_KEY_USAGE, true, Buffer.of(0x03, 0x02, 0x07, 0x80)),
        extension(OID_EXTENDED_KEY_USAGE, false, sequence(OID_SERVER_AUTH)),
        extension(OID_SUBJECT_ALT_NAME, false, sequence(tlv(0x82, Buffer.from(hostName, 'ascii')))),
      ),
    ),
  );
}

function tlv(tag: number, ...content: Buffer[]): Buffer {
  const body = Buffer.concat(content);
  if (body.length < 0x80) return Buffer.concat([Buffer.of(tag, body.length), body]);
  const length = body.length < 0x100 ? [0x81, body.length] : [0x82, body.length >> 8, body.length & 0xff];
  return Buffer.concat([Buffer.of(tag, ...length), body]);
}

function sequence(...items: Buffer[]): Buffer {
  return tlv(0x30, ...items);
}

function explicit(number: number, content: Buffer): Buffer {
  return tlv(0xa0 | number, content);
}

function integer(bytes: Buffer): Buffer {
  return tlv(0x02, bytes);
}

function bitString(bytes: Buffer): Buffer {
  return tlv(0x03, Buffer.of(0), bytes);
}

function oid(...body: number[]): Buffer {
  return tlv(0x06, Buffer.from(body));
}

/** YYMMDDHHMMSSZ, section 4.1.2.5.1. */
function utcTime(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/\D/g, '').slice(2, 14);
  return tlv(0x17, Buffer.from(`${digits}Z`));
}

function distinguishedName(commonName: string): Buffer {
  return sequence(tlv(0x31, sequence(OID_COMMON_NAME, tlv(0x0c, Buffer.from(commonName)))));
}

function extension(id: Buffer, critical: boolean, value: Buffer): Buffer {
  return sequence(id, ...(critical ? [Buffer.of(0x01, 0x01, 0xff)] : []), tlv(0x04, value));
}

function pem(label: string, der: Buffer): string {
  const lines = der.toString('base64').replace(/.{64}(?=.)/g, '$&\n');
  return `-----BEGIN ${label}-----\n${lines}\n-----END ${label}-----\n`;
}

const OID_COMMON_NAME = oid(0x55, 0x04, 0x03);
const OID_KEY_USAGE = oid(0x55, 0x1d, 0x0f);
const OID_SUBJECT_ALT_NAME = oid(0x55, 0x1d, 0x11);
const OID_BASIC_CONSTRAINTS = oid(0x55, 0x1d, 0x13);
const OID_EXTENDED_KEY_USAGE = oid(0x55, 0x1d, 0x25);
const OID_SERVER_AUTH = oid(0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01);
/** ecdsa-with-SHA256, RFC 5758 section 3.2: without parameters. */
const ECDSA_WITH_SHA256 = sequence(oid(0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02));
