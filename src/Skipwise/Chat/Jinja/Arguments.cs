namespace Skipwise.Chat.Jinja;

/// <summary>The evaluated arguments of a call.</summary>
internal sealed record Arguments(IReadOnlyList<object?> Positional, IReadOnlyList<(string Name, object? Value)> Named)
{
    /// <summary>No arguments.</summary>
    public static readonly Arguments None = new([], []);

    /// <summary>The arguments without the first positional ones.</summary>
    public Arguments Without(int first) => new([.. Positional.Skip(first)], Named);
}
