using System.Numerics;

namespace Skipwise.Chat.Jinja;

/// <summary>The operators + - * / // % ** of Python, for numbers, texts and lists.</summary>
internal static class Arithmetic
{
    /// <summary>Computes left operation right.</summary>
    /// <exception cref="TemplateFault">the operation is not defined for these types or values</exception>
    public static object? Compute(Rendering rendering, string operation, object? left, object? right)
    {
        if (operation == "%" && left is string format)
        {
            return PrintfFormat.Format(rendering, format, right);
        }
        if ((left as Undefined ?? right as Undefined) is { } undefined)
        {
            throw undefined.Fault();
        }
        if (Numbers.AsInteger(left) is { } a && Numbers.AsInteger(right) is { } b)
        {
            return Whole(operation, Numbers.Bounded(a), Numbers.Bounded(b));
        }
        if (left is bool or BigInteger or double && right is bool or BigInteger or double)
        {
            return Real(operation, Numbers.AsDouble(left)!.Value, Numbers.AsDouble(right)!.Value);
        }
        return (operation, left, right) switch
        {
            ("+", string text, string more) => Joined(rendering, text, more),
            ("+", SequenceValue list, SequenceValue more) when list.IsTuple == more.IsTuple =>
                rendering.List(list.Items.Concat(more.Items), list.IsTuple),
            ("*", string or SequenceValue, bool or BigInteger) => Repeated(rendering, left, Numbers.AsInteger(right)!.Value),
            ("*", bool or BigInteger, string or SequenceValue) => Repeated(rendering, right, Numbers.AsInteger(left)!.Value),
            _ => throw new TemplateFault(
                $"{operation} is not defined between values of the types {Values.TypeName(left)} and {Values.TypeName(right)}"),
        };
    }

    /// <summary>Computes -value or +value.</summary>
    /// <exception cref="TemplateFault">it is no number</exception>
    public static object Sign(string operation, object? value) => value is double number ? operation == "-" ? -number : number
        : Numbers.AsInteger(value) is { } integer ? operation == "-" ? -integer : integer
        : throw TemplateFault.Expected($"a number is expected behind {operation}", value);

    private static string Joined(Rendering rendering, string left, string right)
    {
        rendering.Charge(left.Length + right.Length);
        return left + right;
    }

    private static object Repeated(Rendering rendering, object? value, BigInteger times)
    {
        int length = value is string text ? text.Length : ((SequenceValue)value!).Items.Count * Rendering.ItemSize;
        int count = length == 0 || times.Sign < 0 ? 0 : (int)BigInteger.Min(times, int.MaxValue);
        rendering.Charge((long)length * count);
        return value is SequenceValue list
            ? rendering.List(Enumerable.Repeat(list.Items, count).SelectMany(items => items), list.IsTuple)
            : string.Concat(Enumerable.Repeat((string)value!, count));
    }

    private static object Whole(string operation, BigInteger a, BigInteger b)
    {
        if (b.IsZero && operation is ("/" or "//" or "%"))
        {
            throw new TemplateFault("divides by zero");
        }
        switch (operation)
        {
            case "+":
                return a + b;
            case "-":
                return a - b;
            case "*":
                return a * b;
            case "/":
                return Numbers.AsDouble(a)!.Value / Numbers.AsDouble(b)!.Value;
            case "**":
                return b.Sign < 0 ? Real("**", (double)a, (double)b) : Numbers.Power(a, b);
            default:
                BigInteger quotient = BigInteger.DivRem(a, b, out BigInteger rest);
                bool isBelow = !rest.IsZero && rest.Sign != b.Sign; // Python rounds down, .NET to zero
                return operation == "//" ? quotient - (isBelow ? 1 : 0) : rest + (isBelow ? b : 0);
        }
    }

    private static double Real(string operation, double a, double b)
    {
        if (b == 0 && operation is ("/" or "//" or "%"))
        {
            throw new TemplateFault("divides by zero");
        }
        switch (operation)
        {
            case "+":
                return a + b;
            case "-":
                return a - b;
            case "*":
                return a * b;
            case "/":
                return a / b;
            case "**":
                return a == 0 && b < 0 ? throw new TemplateFault("divides by zero")
                    : a < 0 && double.IsFinite(a) && Math.Floor(b) != b ? throw TemplateFault.Unsupported("a complex number")
                    : Math.Pow(a, b) is var power && double.IsInfinity(power) && double.IsFinite(a) && double.IsFinite(b)
                    ? throw new TemplateFault("a number is too large for a float") : power;
            default:
                double rest = a % b, quotient = (a - rest) / b;
                if (rest != 0 && rest < 0 != b < 0)
                {
                    (rest, quotient) = (rest + b, quotient - 1);
                }
                rest = rest == 0 ? Math.CopySign(0, b) : rest;
                double floor = Math.Floor(quotient);
                floor += quotient - floor > 0.5 ? 1 : 0;
                return operation == "%" ? rest : quotient == 0 ? Math.CopySign(0, a / b) : floor;
        }
    }
}
