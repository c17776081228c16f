namespace Skipwise.Chat.Jinja;

/// <summary>A key of a dict: equal numbers of different types are one key.</summary>
/// <param name="rendering">pays for the comparisons</param>
internal readonly struct HashKey(Rendering rendering, object? value) : IEquatable<HashKey>
{
    private readonly int _hash = Values.Hash(rendering, value);

    /// <summary>The key.</summary>
    public object? Value => value;

    /// <inheritdoc/>
    public bool Equals(HashKey other) => _hash == other._hash && Values.Equal(rendering, value, other.Value);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is HashKey other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => _hash;
}
