namespace Skipwise.Inference;

/// <summary>A page of a kept prefix, in a list of them.</summary>
/// <param name="Parent">index of the page before it in its text; -1: it is the first</param>
/// <param name="Length">length of a text that decides its rotation</param>
/// <param name="Tokens">of this page</param>
/// <param name="Page">their keys and values</param>
internal readonly record struct KeptPage(int Parent, int Length, IReadOnlyList<int> Tokens, KvPage Page);
