using System.Numerics;
using System.Runtime.CompilerServices;

namespace Skipwise.Chat.Jinja;

/// <summary>
/// What Python does with values. A value is null (None), bool, BigInteger (int), double (float), string (str), <see cref="SequenceValue"/>
/// (list, tuple), <see cref="DictValue"/>, or one of what templates make: <see cref="Undefined"/>, <see cref="Markup"/>,
/// <see cref="DictView"/>, <see cref="RangeValue"/>, <see cref="Generator"/>, <see cref="NamespaceValue"/>, <see cref="LoopState"/>,
/// <see cref="Function"/>.
/// </summary>
internal static partial class Values
{
    /// <summary>Refuses to go deeper than the stack allows: a template can nest a list in a list a million times.</summary>
    public static void RequireStack()
    {
        if (!RuntimeHelpers.TryEnsureSufficientExecutionStack())
        {
            throw new TemplateFault("nests values or calls too deeply");
        }
    }

    /// <summary>Python's name of a value's type.</summary>
    public static string TypeName(object? value) => value switch
    {
        null => "None",
        bool => "bool",
        BigInteger => "int",
        double => "float",
        string or Markup => "str",
        SequenceValue { IsTuple: true } => "tuple",
        SequenceValue => "list",
        DictValue => "dict",
        DictView view => "dict_" + view.Kind,
        RangeValue => "range",
        NamespaceValue => "namespace",
        _ => value.GetType().Name.Replace("State", "", StringComparison.Ordinal).ToLowerInvariant(),
    };

    /// <summary>The truth of a value.</summary>
    public static bool IsTrue(object? value) => value switch
    {
        null or Undefined => false,
        bool truth => truth,
        BigInteger number => !number.IsZero,
        double number => number != 0,
        string text => text.Length > 0,
        Markup text => text.Text.Length > 0,
        SequenceValue list => list.Items.Count > 0,
        DictValue dict => dict.Count > 0,
        DictView view => view.Items.Count > 0,
        RangeValue range => range.Count > 0,
        _ => true,
    };

    /// <summary>Python's len.</summary>
    /// <returns>null if the value has none</returns>
    public static int? Length(Rendering rendering, object? value) => value switch
    {
        Undefined => 0,
        string text => Count(rendering, text),
        Markup text => Count(rendering, text.Text),
        SequenceValue list => list.Items.Count,
        DictValue dict => dict.Count,
        DictView view => view.Items.Count,
        RangeValue range => range.Count,
        LoopState loop => loop.Length,
        _ => null,
    };

    private static int Count(Rendering rendering, string text)
    {
        rendering.Charge(text.Length / 4);
        return Characters.Count(text);
    }

    /// <summary>The items of a value that can be iterated; null if it cannot be.</summary>
    public static IEnumerable<object?>? TryIterate(object? value) => value switch
    {
        Undefined => [],
        string text => Characters.Of(text),
        Markup text => Characters.Of(text.Text),
        SequenceValue list => list.Items,
        DictValue dict => dict.Items.Select(item => item.Key),
        DictView view => view.Items,
        RangeValue range => Enumerable.Range(0, range.Count).Select(i => range[i]),
        Generator generator => generator,
        _ => null,
    };

    /// <summary>The items of a value; each counts as a step.</summary>
    /// <exception cref="TemplateFault">it cannot be iterated</exception>
    public static IEnumerable<object?> Iterate(Rendering rendering, object? value)
    {
        IEnumerable<object?> items = TryIterate(value) ?? throw new TemplateFault($"a value of type {TypeName(value)} cannot be iterated");
        return items.Select(item =>
        {
            rendering.Step();
            return item;
        });
    }

    /// <summary>The index of a sequence in its bounds; negative ones count from the end.</summary>
    /// <returns>-1 if there is no such item</returns>
    public static int Index(BigInteger index, int length)
    {
        BigInteger from = index.Sign < 0 ? index + length : index;
        return from.Sign >= 0 && from < length ? (int)from : -1;
    }

    /// <summary>Whether two values are equal.</summary>
    public static bool Equal(Rendering rendering, object? left, object? right)
    {
        if (ReferenceEquals(left, right))
        {
            return left is not double; // NaN
        }
        rendering.Step();
        switch (left, right)
        {
            case (Undefined, Undefined):
                return true;
            case (string or Markup, string or Markup):
                return SameText(rendering, PlainText(left)!, PlainText(right)!);
            case (SequenceValue a, SequenceValue b):
                RequireStack();
                return a.IsTuple == b.IsTuple && a.Items.Count == b.Items.Count
                    && a.Items.Zip(b.Items).All(pair => Equal(rendering, pair.First, pair.Second));
            case (DictValue a, DictValue b):
                RequireStack();
                return a.Count == b.Count && a.Items.All(item =>
                    b.TryGet(rendering, item.Key, out object? other) && Equal(rendering, item.Value, other));
            case (RangeValue a, RangeValue b):
                return a.Count == b.Count && (a.Count == 0 || (a.Start == b.Start && (a.Count == 1 || a.Step == b.Step)));
            default:
                return Numbers.Compare(left, right) is 0;
        }
    }

    private static bool SameText(Rendering rendering, string left, string right)
    {
        if (left.Length != right.Length)
        {
            return false;
        }
        rendering.Charge(left.Length / 8);
        return left == right;
    }

    /// <summary>The text of a str; null if it is none.</summary>
    public static string? PlainText(object? value) => value as string ?? (value as Markup)?.Text;

    /// <summary>A hash that is the same for equal values.</summary>
    /// <exception cref="TemplateFault">the value is a list, a dict or something else that is no key</exception>
    public static int Hash(Rendering rendering, object? value)
    {
        switch (value)
        {
            case string or Markup:
                string text = PlainText(value)!;
                rendering.Charge(text.Length / 8);
                return text.GetHashCode(StringComparison.Ordinal);
            case SequenceValue { IsTuple: true } tuple:
                RequireStack();
                var hash = new HashCode();
                foreach (object? item in tuple.Items)
                {
                    rendering.Step();
                    hash.Add(Hash(rendering, item));
                }
                return hash.ToHashCode();
            case double number when double.IsFinite(number) && Math.Floor(number) == number:
                return new BigInteger(number).GetHashCode();
            case null or BigInteger or double:
                return value?.GetHashCode() ?? 0;
            case bool truth:
                return (truth ? BigInteger.One : BigInteger.Zero).GetHashCode();
            case SequenceValue or DictValue:
                throw new TemplateFault($"a value of type {TypeName(value)} is no key");
            default:
                return RuntimeHelpers.GetHashCode(value);
        }
    }

    /// <summary>Compares two values by Python's order.</summary>
    /// <returns>below, at or above 0; null: NaN is among them, for which every comparison is false</returns>
    /// <exception cref="TemplateFault">they have no order</exception>
    public static int? Compare(Rendering rendering, object? left, object? right)
    {
        rendering.Step();
        if ((left as Undefined ?? right as Undefined) is { } undefined)
        {
            throw undefined.Fault();
        }
        switch (left, right)
        {
            case (string a, string b):
                rendering.Charge(Math.Min(a.Length, b.Length) / 8);
                return Characters.Compare(a, b);
            case (SequenceValue a, SequenceValue b) when a.IsTuple == b.IsTuple:
                RequireStack();
                foreach ((object? first, object? second) in a.Items.Zip(b.Items))
                {
                    if (!Equal(rendering, first, second))
                    {
                        return Compare(rendering, first, second);
                    }
                }
                return a.Items.Count.CompareTo(b.Items.Count);
            case (bool or BigInteger or double, bool or BigInteger or double):
                return Numbers.Compare(left, right);
            default:
                throw new TemplateFault($"values of the types {TypeName(left)} and {TypeName(right)} have no order");
        }
    }

    /// <summary>Whether a value is in another one: a part of a text, an item of a list, a key of a dict.</summary>
    public static bool Contains(Rendering rendering, object? container, object? value)
    {
        switch (container)
        {
            case string or Markup:
                string text = PlainText(container)!, part = PlainText(value)
                    ?? throw TemplateFault.Expected("only a str can be in a str", value);
                rendering.ChargeSearch(text, part);
                return text.Contains(part, StringComparison.Ordinal);
            case DictValue dict:
                return dict.TryGet(rendering, value, out _);
            default:
                return Iterate(rendering, container).Any(item => Equal(rendering, item, value));
        }
    }

    /// <summary>A stable merge sort.</summary>
    /// <param name="key">what is compared of an item</param>
    public static List<object?> Sort(Rendering rendering, IEnumerable<object?> items, Func<object?, object?> key, bool reverse)
    {
        (object? Key, object? Item)[] from = [.. rendering.List(items).Items.Select(item => (key(item), item))];
        var to = new (object?, object?)[from.Length];
        for (int width = 1; width < from.Length; width *= 2)
        {
            for (int start = 0; start < from.Length; start += 2 * width)
            {
                int a = start, middle = Math.Min(start + width, from.Length), b = middle, end = Math.Min(middle + width, from.Length);
                for (int at = start; at < end; at++)
                {
                    bool isFirst = b == end || (a < middle
                        && !(reverse ? IsBelow(from[a].Key, from[b].Key) : IsBelow(from[b].Key, from[a].Key)));
                    to[at] = from[isFirst ? a++ : b++];
                }
            }
            (from, to) = (to, from);
        }
        return [.. from.Select(pair => pair.Item)];

        bool IsBelow(object? left, object? right) => Compare(rendering, left, right) < 0;
    }
}
