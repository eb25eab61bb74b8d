// The reader's language, and how it writes numbers, sizes and times.

/** What Intl is told, with the reader's region. */
export const locale = navigator.languages.find((language) => /^(fr|en)\b/i.test(language)) ?? "en";

/** For `lang` of the page. */
export const language = locale.slice(0, 2).toLowerCase();

/** A number with the separators of the language. */
export function number(value, digits = 0) {
  return new Intl.NumberFormat(locale, { maximumFractionDigits: digits }).format(value);
}

/** One or many of something, as the language counts. */
export function plural(count, one, many) {
  return `${number(count)} ${new Intl.PluralRules(locale).select(count) === "one" ? one : many}`;
}

/** An amount of US dollars; less than a cent is not nothing. */
export function dollars(value) {
  const style = { style: "currency", currency: "USD", maximumFractionDigits: value < 1 ? 4 : 2 };
  return new Intl.NumberFormat(locale, style).format(value);
}

/** Bytes in units that people read: 2.3 MB, 2,3 Mo. */
export function size(bytes) {
  const names = ["byte", "kilobyte", "megabyte", "gigabyte", "terabyte"];
  const step = bytes < 1 ? 0 : Math.min(names.length - 1, Math.floor(Math.log(bytes) / Math.log(1024)));
  const style = { style: "unit", unit: names[step], unitDisplay: "short", maximumFractionDigits: step > 1 ? 1 : 0 };
  return new Intl.NumberFormat(locale, style).format(bytes / 1024 ** step);
}

/** A length of time by its two largest units: 3 h 20 min. */
export function duration(seconds) {
  if (seconds < 1) {
    return `${number(seconds * 1000)} ms`;
  }
  if (seconds < 60) {
    return `${number(seconds, seconds < 10 ? 1 : 0)} s`;
  }
  const whole = Math.round(seconds);
  const parts = [[86400, "day"], [3600, "hour"], [60, "minute"], [1, "second"]];
  const first = parts.findIndex(([length]) => whole >= length);
  const rest = parts.slice(first, first + 2).map(([length, unit], index) => {
    const count = Math.floor((index === 0 ? whole : whole % parts[first][0]) / length);
    return count && new Intl.NumberFormat(locale, { style: "unit", unit, unitDisplay: "narrow" }).format(count);
  });
  return rest.filter(Boolean).join(" ");
}

/** The clock of a moment. */
export function clock(date) {
  return new Intl.DateTimeFormat(locale, { timeStyle: "medium" }).format(date);
}

/** A moment, without what can be left out: today only the hour, this year no year. */
export function moment(date) {
  const now = new Date();
  const hour = { hour: "2-digit", minute: "2-digit" };
  if (date.toDateString() === now.toDateString()) {
    return new Intl.DateTimeFormat(locale, hour).format(date);
  }
  const year = date.getFullYear() === now.getFullYear() ? {} : { year: "numeric" };
  return new Intl.DateTimeFormat(locale, { day: "numeric", month: "short", ...year, ...hour }).format(date);
}
