// Amounts as a person reads them. Minor units come as whole numbers and stay so: what is formatted is a string of
// digits with the point put in, never a quotient.

// How many digits stand behind the point, where it is not two. Browsers have their own opinion of some.
const EXPONENTS = {
  "BHD": 3, "BIF": 0, "CLF": 4, "CLP": 0, "DJF": 0, "GNF": 0, "IQD": 3, "ISK": 0, "JOD": 3, "JPY": 0,
  "KMF": 0, "KRW": 0, "KWD": 3, "LYD": 3, "OMR": 3, "PYG": 0, "RWF": 0, "TND": 3, "UGX": 0, "UYI": 0,
  "UYW": 4, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0
};

const formats = new Map();

export function digitsOf(currency) {
  return EXPONENTS[currency] ?? 2;
}

export function decimal(minorUnits, digits) {
  const padded = String(minorUnits).padStart(digits + 1, "0");
  const whole = padded.slice(0, padded.length - digits);
  return digits === 0 ? whole : `${whole}.${padded.slice(padded.length - digits)}`;
}

export function money(minorUnits, currency) {
  const digits = digitsOf(currency);
  if (!formats.has(currency)) {
    const options = { style: "currency", currency, minimumFractionDigits: digits, maximumFractionDigits: digits };
    formats.set(currency, new Intl.NumberFormat("en", options));
  }
  return formats.get(currency).format(decimal(minorUnits, digits));
}
