using System.Globalization;
using System.Numerics;

namespace Skipwise.Chat.Jinja;

/// <summary>Python's numbers: int of any size up to a limit, float, and bool as 0 and 1.</summary>
internal static class Numbers
{
    /// <summary>Most digits of a number that is read from a text, as in Python.</summary>
    public const int MostDigits = 4300;

    private const int MostBits = 1024; // that are computed with

    /// <summary>The value of an int or a bool; null if it is none.</summary>
    public static BigInteger? AsInteger(object? value) => value switch
    {
        BigInteger number => number,
        bool truth => truth ? BigInteger.One : BigInteger.Zero,
        _ => null,
    };

    /// <summary>The value of a number as a float; null if it is none.</summary>
    /// <exception cref="TemplateFault">an int is too large</exception>
    public static double? AsDouble(object? value) => value is double number ? number
        : AsInteger(value) is not { } integer ? null
        : (double)integer is var converted && double.IsFinite(converted) ? converted
        : throw new TemplateFault("a number is too large for a float");

    /// <summary>The order of two numbers; null if one is no number or NaN.</summary>
    public static int? Compare(object? left, object? right)
    {
        if (AsInteger(left) is { } a && AsInteger(right) is { } b)
        {
            return a.CompareTo(b);
        }
        if (left is double x && right is double y)
        {
            return double.IsNaN(x) || double.IsNaN(y) ? null : x.CompareTo(y);
        }
        return left is double && AsInteger(right) is { } whole ? CompareTo((double)left, whole)
            : right is double other && AsInteger(left) is { } number ? -CompareTo(other, number) : null;
    }

    private static int? CompareTo(double number, BigInteger integer) => double.IsNaN(number) ? null
        : double.IsInfinity(number) ? Math.Sign(number)
        : new BigInteger(Math.Floor(number)).CompareTo(integer) is not 0 and var order ? order
        : number > Math.Floor(number) ? 1 : 0;

    /// <summary>Reads an int as Python does.</summary>
    /// <param name="numberBase">2 to 36; 0: by its prefix 0x, 0o, 0b</param>
    /// <returns>null if it is none</returns>
    public static BigInteger? Parse(string text, int numberBase)
    {
        ReadOnlySpan<char> digits = text.AsSpan().Trim();
        if (digits.Length > MostDigits)
        {
            return null;
        }
        bool isNegative = digits is ['-', ..];
        digits = digits is ['-' or '+', ..] ? digits[1..] : digits;
        int prefixed = digits is ['0', 'x' or 'X', ..] ? 16 : digits is ['0', 'o' or 'O', ..] ? 8 : digits is ['0', 'b' or 'B', ..] ? 2 : 0;
        if (prefixed > 0 && (numberBase == prefixed || numberBase == 0))
        {
            numberBase = prefixed;
            digits = digits is [_, _, '_', ..] ? digits[3..] : digits[2..];
        }
        else if (numberBase == 0)
        {
            numberBase = 10;
        }
        if (digits is [] or ['_', ..] or [.., '_'])
        {
            return null;
        }
        BigInteger value = 0;
        for (int i = 0; i < digits.Length; i++)
        {
            int digit = char.IsAsciiLetterOrDigit(digits[i]) ? char.IsAsciiDigit(digits[i]) ? digits[i] - '0'
                : char.ToLowerInvariant(digits[i]) - 'a' + 10 : CharUnicodeInfo.GetDecimalDigitValue(digits[i]);
            bool isGap = digits[i] == '_' && digits[i - 1] != '_';
            if (!isGap && (digit < 0 || digit >= numberBase))
            {
                return null;
            }
            value = isGap ? value : (value * numberBase) + digit;
        }
        return isNegative ? -value : value;
    }

    /// <summary>Reads a float as Python does.</summary>
    /// <returns>null if it is none</returns>
    public static double? ParseDouble(string text)
    {
        if (text.Length > MostDigits)
        {
            return null;
        }
        string trimmed = text.Trim();
        string word = trimmed.TrimStart('+', '-').ToLowerInvariant();
        double sign = trimmed is ['-', ..] ? -1 : 1;
        if (word is "inf" or "infinity" or "nan" && trimmed.Length <= word.Length + 1)
        {
            return word == "nan" ? double.NaN : sign * double.PositiveInfinity;
        }
        bool hasBadGap = trimmed is ['_', ..] or [.., '_'] || trimmed.Contains("__", StringComparison.Ordinal)
            || trimmed.Index().Any(c => c.Item == '_'
                && !(char.IsAsciiDigit(trimmed[c.Index - 1]) && char.IsAsciiDigit(trimmed[c.Index + 1])));
        const NumberStyles styles = NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent;
        return !hasBadGap && trimmed.AsSpan().IndexOfAnyExceptInRange(' ', '~') < 0
            && double.TryParse(trimmed.Replace("_", "", StringComparison.Ordinal), styles, CultureInfo.InvariantCulture, out double value)
            ? value : null;
    }

    /// <summary>Python's text of a float: the shortest that gives it back, with an exponent below 1e-4 and from 1e16 on.</summary>
    public static string Text(double number)
    {
        if (!double.IsFinite(number))
        {
            return double.IsNaN(number) ? "nan" : number > 0 ? "inf" : "-inf";
        }
        string[] parts = Math.Abs(number).ToString("R", CultureInfo.InvariantCulture).Split('E');
        string whole = parts[0].Split('.')[0], all = parts[0].Replace(".", "", StringComparison.Ordinal);
        string digits = all.TrimStart('0');
        int shift = parts.Length > 1 ? int.Parse(parts[1], NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture) : 0;
        int exponent = digits.Length == 0 ? 0 : whole.Length + shift - (all.Length - digits.Length) - 1; // of the first digit
        digits = digits.TrimEnd('0') is { Length: > 0 } significant ? significant : "0";
        string sign = double.IsNegative(number) ? "-" : "";
        if (exponent is < -4 or >= 16)
        {
            string mantissa = digits.Length > 1 ? $"{digits[0]}.{digits[1..]}" : digits;
            return sign + mantissa + string.Create(CultureInfo.InvariantCulture, $"e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}");
        }
        if (exponent < 0)
        {
            return sign + "0." + new string('0', -exponent - 1) + digits;
        }
        string padded = digits.PadRight(exponent + 1, '0');
        return sign + padded[..(exponent + 1)] + "." + (padded.Length > exponent + 1 ? padded[(exponent + 1)..] : "0");
    }

    /// <summary>A float rounded to decimal places as Python does: exactly, halves to the even digit.</summary>
    /// <param name="places">below 0: tens, hundreds</param>
    /// <returns>the digits without a point, which stands before the last <paramref name="places"/> ones</returns>
    public static BigInteger Rounded(double number, int places)
    {
        long bits = BitConverter.DoubleToInt64Bits(number);
        int exponent = (int)((bits >> 52) & 0x7FF);
        BigInteger numerator = (bits & 0xFFFFFFFFFFFFF) | (exponent > 0 ? 1L << 52 : 0), denominator = 1;
        int shift = Math.Max(exponent, 1) - 1075;
        (numerator, denominator) = shift > 0 ? (numerator << shift, denominator) : (numerator, denominator << -shift);
        BigInteger scale = BigInteger.Pow(10, Math.Abs(places));
        (numerator, denominator) = places > 0 ? (numerator * scale, denominator) : (numerator, denominator * scale);
        BigInteger rounded = RoundedQuotient(numerator, denominator);
        return number < 0 ? -rounded : rounded;
    }

    /// <summary>A quotient of positive numbers, halves rounded to the even number.</summary>
    public static BigInteger RoundedQuotient(BigInteger numerator, BigInteger denominator)
    {
        BigInteger quotient = BigInteger.DivRem(numerator, denominator, out BigInteger rest);
        int half = (rest * 2).CompareTo(denominator);
        return half > 0 || (half == 0 && !quotient.IsEven) ? quotient + 1 : quotient;
    }

    /// <summary>Text of a float with a fixed number of decimal places.</summary>
    public static string Fixed(double number, int places)
    {
        if (!double.IsFinite(number))
        {
            return Text(number);
        }
        string digits = BigInteger.Abs(Rounded(number, places)).ToString(CultureInfo.InvariantCulture).PadLeft(places + 1, '0');
        return (double.IsNegative(number) ? "-" : "") + digits[..^places] + (places > 0 ? "." + digits[^places..] : "");
    }

    /// <summary>Refuses an int of more bits than are computed with: it may be output, like all that a client sends, but its product with
    /// another would take long.</summary>
    public static BigInteger Bounded(BigInteger number) => number.GetBitLength() <= MostBits ? number
        : throw new TemplateFault($"computes with a number of more than {MostBits} bits");

    /// <summary>Refuses a power that would have more bits than are computed with.</summary>
    public static BigInteger Power(BigInteger number, BigInteger exponent) =>
        exponent.IsZero ? 1
        : BigInteger.Abs(number) <= 1 ? BigInteger.Pow(number, exponent.IsEven ? 2 : 1)
        : (number.GetBitLength() - 1) * exponent <= MostBits ? Bounded(BigInteger.Pow(number, (int)exponent))
        : Bounded(BigInteger.One << (MostBits + 1)); // far too large
}
