using System.Numerics;

namespace Skipwise.Chat.Jinja;

/// <summary>The tests behind 'is'.</summary>
internal static class Tests
{
    /// <summary>The tests by name.</summary>
    public static readonly BuiltinTable Table = new BuiltinTable("escaped")
    {
        { "boolean", "", (r, v, a) => v is bool },
        { "callable", "", (r, v, a) => v is Function or Undefined },
        { "defined", "", (r, v, a) => v is not Undefined },
        { "divisibleby", "num!", (r, v, a) => HasRest(r, v, a[0], 0) },
        { "eq", "/ other!", (r, v, a) => Values.Equal(r, v, a[0]) },
        { "even", "", (r, v, a) => HasRest(r, v, (BigInteger)2, 0) },
        { "false", "", (r, v, a) => v is false },
        { "filter", "", (r, v, a) => v is string name && (Filters.Table.ContainsKey(name) || Filters.Table.Lacks(name)) },
        { "float", "", (r, v, a) => v is double },
        { "ge", "/ other!", (r, v, a) => Values.Compare(r, v, a[0]) >= 0 },
        { "gt", "/ other!", (r, v, a) => Values.Compare(r, v, a[0]) > 0 },
        { "in", "seq!", (r, v, a) => Values.Contains(r, a[0], v) },
        { "integer", "", (r, v, a) => v is BigInteger },
        { "iterable", "", (r, v, a) => Values.TryIterate(v) is not null || v is LoopState },
        { "le", "/ other!", (r, v, a) => Values.Compare(r, v, a[0]) <= 0 },
        { "lower", "", (r, v, a) => IsCase(r, v, "islower") },
        { "lt", "/ other!", (r, v, a) => Values.Compare(r, v, a[0]) < 0 },
        { "mapping", "", (r, v, a) => v is DictValue },
        { "ne", "/ other!", (r, v, a) => !Values.Equal(r, v, a[0]) },
        { "none", "", (r, v, a) => v is null },
        { "number", "", (r, v, a) => v is bool or BigInteger or double },
        { "odd", "", (r, v, a) => HasRest(r, v, (BigInteger)2, 1) },
        { "sameas", "other!", (r, v, a) => IsSame(v, a[0]) },
        { "sequence", "", (r, v, a) => v is Undefined or string or Markup or SequenceValue or DictValue or RangeValue },
        { "string", "", (r, v, a) => v is string or Markup },
        { "test", "", (r, v, a) => v is string name && (Table!.ContainsKey(name) || Table.Lacks(name)) },
        { "true", "", (r, v, a) => v is true },
        { "undefined", "", (r, v, a) => v is Undefined },
        { "upper", "", (r, v, a) => IsCase(r, v, "isupper") },
    }
        .Alias("eq", "equalto", "==").Alias("ne", "!=").Alias("lt", "lessthan", "<").Alias("le", "<=")
        .Alias("gt", "greaterthan", ">").Alias("ge", ">=");

    private static bool HasRest(Rendering rendering, object? value, object? divisor, BigInteger rest) =>
        Values.Equal(rendering, Arithmetic.Compute(rendering, "%", value, divisor), rest);

    private static object? IsCase(Rendering rendering, object? value, string method) =>
        StringMethods.Table[method].Call(rendering, Values.Text(rendering, value), Arguments.None);

    /// <summary>Whether two values are one. Numbers and texts, which Python shares or does not, are if they are equal.</summary>
    private static bool IsSame(object? left, object? right) => left is bool or BigInteger or double or string
        ? right is not null && left.GetType() == right.GetType() && left.Equals(right) : ReferenceEquals(left, right);
}
