namespace Skipwise.Checkpoints.HuggingFace;

/// <summary>A tensor in a family's files: blocks of rows of one or several canonical parameters, concatenated.</summary>
public sealed record StoredParameter(string Name, IReadOnlyList<long> Shape, IReadOnlyList<RowBlock> Blocks);
