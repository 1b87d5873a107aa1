/**
 * metav1.MicroTime: RFC 3339 in UTC with exactly six fraction digits, which Go's layout for it insists on
 * (k8s.io/apimachinery, micro_time.go).
 *
 * @param ms wall clock in ms since 1970
 */
export function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z');
}
