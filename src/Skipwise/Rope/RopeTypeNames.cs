namespace Skipwise.Rope;

/// <summary>The names of the RoPE scalings on the command line and in reports.</summary>
public static class RopeTypeNames
{
    private static readonly (string Name, RopeType Type)[] s_names =
    [
        ("default", RopeType.Default),
        ("linear", RopeType.Linear),
        ("ntk", RopeType.Ntk),
        ("dynamic-ntk", RopeType.DynamicNtk),
        ("yarn", RopeType.Yarn),
        ("yarn-revised", RopeType.YarnRevised),
        ("llama3", RopeType.Llama3),
        ("longrope", RopeType.LongRope),
    ];

    /// <summary>All names, in the order of help texts.</summary>
    public static IReadOnlyList<string> All { get; } = [.. s_names.Select(pair => pair.Name)];

    /// <summary>The type with this name, ignoring case.</summary>
    /// <exception cref="SkipwiseException">no such type; the message lists the valid ones</exception>
    public static RopeType Parse(string name)
    {
        foreach ((string known, RopeType type) in s_names)
        {
            if (string.Equals(known, name, StringComparison.OrdinalIgnoreCase))
            {
                return type;
            }
        }
        throw new SkipwiseException($"Unknown rope type '{name}'. Use one of: {string.Join(", ", All)}.");
    }

    /// <summary>The name of a type.</summary>
    public static string NameOf(RopeType type) => Array.Find(s_names, pair => pair.Type == type).Name
        ?? throw new ArgumentOutOfRangeException(nameof(type), type, "no such rope type");
}
