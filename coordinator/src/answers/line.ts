/** What somebody wrote, as one line without control characters. */
export const line = (text: string): string => text.replace(/[\p{Cc}\p{Cf}]+/gu, ' ').trim()
