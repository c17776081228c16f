namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>A tensor as a family's files hold it: blocks of rows of one canonical parameter or of several, one below the other.</summary>
public sealed record StoredParameter(string Name, IReadOnlyList<long> Shape, IReadOnlyList<RowBlock> Blocks);
