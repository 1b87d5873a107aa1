import { randomUUID } from 'node:crypto';

/**
 * A journal report as Exchange makes one (MS-XJRNL 2.1): the envelope as a text, then the mail itself, untouched, as an
 * attached message. The marker header has no value.
 */
export function journalReport({ to, domain, subject }: { to: string; domain: string; subject: string }): Buffer {
  const boundary = `report-${randomUUID()}`;
  const messageId = `<${randomUUID()}@mail.${domain}>`;
  const original = [
    `From: "Ann Example" <ann@${domain}>`,
    `To: "Bob Example" <bob@${domain}>`,
    'Cc: carol@partner.example',
    `Subject: ${subject}`,
    `Date: ${new Date().toUTCString()}`,
    `Message-ID: ${messageId}`,
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: 8bit',
    '',
    'Hello Bob,',
    '',
    'the offer is attached to the other mail – grüße, Ann',
    '.A line that begins with a dot, as SMTP has to double it.',
    '',
  ];
  return Buffer.from(
    [
      `From: "Microsoft Outlook" <MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@${domain}>`,
      `To: <${to}>`,
      `Subject: ${subject}`,
      `Date: ${new Date().toUTCString()}`,
      `Message-ID: <${randomUUID()}@journal.report.generator>`,
      'X-MS-Journal-Report:',
      'MIME-Version: 1.0',
      `Content-Type: multipart/mixed; boundary="${boundary}"`,
      '',
      `--${boundary}`,
      'Content-Type: text/plain; charset="utf-8"',
      'Content-Transfer-Encoding: 7bit',
      '',
      `Sender: ann@${domain}`,
      `Subject: ${subject}`,
      `Message-Id: ${messageId}`,
      `To: bob@${domain}`,
      'Cc: carol@partner.example',
      `Bcc: legal@${domain}`,
      '',
      `--${boundary}`,
      'Content-Type: message/rfc822',
      '',
      ...original,
      `--${boundary}--`,
      '',
    ].join('\r\n'),
  );
}
