namespace Skipwise.Inference;

/// <summary>Keeps the prefixes of an engine beyond its end.</summary>
internal interface IPrefixStore
{
    /// <summary>Puts the prefixes that an earlier engine kept into the pool of a new one.</summary>
    void Read(KvPagePool pool);

    /// <summary>Stores the prefixes of an engine that has ended.</summary>
    void Write(KvPagePool pool);
}
