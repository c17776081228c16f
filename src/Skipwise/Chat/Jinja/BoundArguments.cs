using System.Numerics;

namespace Skipwise.Chat.Jinja;

/// <summary>Arguments in the order of a builtin's parameters.</summary>
/// <param name="function">name for errors</param>
/// <param name="names">of the parameters</param>
/// <param name="values">of the parameters; <see cref="Missing"/> where there is none</param>
/// <param name="all">as they were given</param>
internal readonly struct BoundArguments(string function, string[] names, object?[] values, Arguments all)
{
    /// <summary>Stands for an argument that was not given.</summary>
    public static readonly object Missing = new();

    /// <summary>The arguments as they were given.</summary>
    public Arguments All => all;

    /// <summary>A required argument.</summary>
    public object? this[int i] => values[i];

    /// <summary>Whether the argument was given.</summary>
    public bool Has(int i) => values[i] != Missing;

    /// <summary>Whether the argument was given and is not None.</summary>
    public bool IsSet(int i) => Has(i) && values[i] is not null;

    /// <summary>An argument, or its default.</summary>
    public object? Or(int i, object? missing) => Has(i) ? values[i] : missing;

    /// <summary>A text.</summary>
    /// <param name="missing">the value if there is none; null: it is required</param>
    public string Text(int i, string? missing = null) => !Has(i) && missing is not null ? missing
        : values[i] as string ?? throw Wrong(i, "a str");

    /// <summary>A text; null if it is missing or None.</summary>
    public string? OptionalText(int i) => IsSet(i) ? Text(i) : null;

    /// <summary>A whole number. Numbers too large for 32 bits become the largest or smallest of these.</summary>
    public int Int(int i, int? missing = null) => !Has(i) && missing is { } number ? number
        : Numbers.AsInteger(values[i]) is { } given ? (int)BigInteger.Clamp(given, int.MinValue, int.MaxValue) : throw Wrong(i, "an int");

    /// <summary>A truth value: any value is one.</summary>
    public bool Truth(int i, bool missing) => Has(i) ? Values.IsTrue(values[i]) : missing;

    private TemplateFault Wrong(int i, string expected) =>
        new($"{function}() needs {expected} as its argument '{names[i]}', found {Values.TypeName(values[i])}");
}
