namespace Skipwise.Chat.Jinja;

/// <summary>What namespace() makes: the only value whose attributes a template can set.</summary>
internal sealed class NamespaceValue
{
    /// <summary>Its attributes.</summary>
    public Dictionary<string, object?> Attributes { get; } = new(StringComparer.Ordinal);
}
