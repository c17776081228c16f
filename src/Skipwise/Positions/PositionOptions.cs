namespace Skipwise.Positions;

/// <summary>How positions are assigned to a training window.</summary>
public enum PositionMode
{
    /// <summary>chunks with skips between them: the paper</summary>
    Pose,
    /// <summary>the whole target length, positions 0, 1, 2, ...: full-length training, which PoSE simulates, at its full cost</summary>
    Full,
    /// <summary>the training length, positions 0, 1, 2, ...: RoPE scaling without skips, the control</summary>
    Short,
    /// <summary>each token at its own random position (Ruoss et al. 2023), the paper's other baseline</summary>
    RandPos,
}

/// <summary>How the window is cut into chunks.</summary>
public enum LengthRule
{
    /// <summary>each chunk in turn takes at least 1 token and leaves at least 1 for each later chunk (the paper's figures)</summary>
    Uniform,
    /// <summary>two chunks, the first has 1..(len + 1) / 2 tokens (the released code)</summary>
    Released,
}

/// <summary>Which part of the document a chunk reads. v is a chunk's content bias and u its position bias: tokens or positions skipped
/// before it.</summary>
public enum ContentMode
{
    /// <summary>v is drawn like u: v_i ~ U{v_(i-1)..n - len}</summary>
    Skip,
    /// <summary>v_i = 0: the document's beginning, without gaps</summary>
    Contiguous,
    /// <summary>v_i = u_i: every token has its true position, so skips stay within the document</summary>
    Follow,
}

/// <summary>
/// How positions are drawn, without the lengths, which a run may leave to its model. <see cref="Chunks"/> and the properties below it act
/// in <see cref="PositionMode.Pose"/> only, so a baseline is <c>pose with { Mode = ... }</c>.
/// </summary>
public record PositionOptions
{
    /// <summary>how positions are assigned</summary>
    public PositionMode Mode { get; init; } = PositionMode.Pose;
    /// <summary>N, chunks per window; 1 leaves the window whole</summary>
    [Within(1, 1 << 20)]
    public int Chunks { get; init; } = 2;
    /// <summary>how the window is cut into chunks</summary>
    public LengthRule LengthRule { get; init; } = LengthRule.Uniform;
    /// <summary>which part of the document each chunk reads</summary>
    public ContentMode Content { get; init; } = ContentMode.Skip;
    /// <summary>
    /// p, the probability that the last chunk takes the largest skip (with <see cref="ContentMode.Follow"/>: within the document);
    /// otherwise PoSE's own draw. That skip is u = Lt - len, or min(n, Lt) - len with follow, and its window ends at the last position.
    /// With two chunks each of the last len - 1 distances, which PoSE covers ever more rarely, is then covered with at least p, and
    /// distances from len to u with 1 - p times as much. 0 draws exactly as the paper
    /// </summary>
    [Within(0, 1)]
    public double EndShare { get; init; }
    /// <summary>exclude the first token of each later chunk from the loss, because the token before it cannot predict it; the released
    /// code counts it</summary>
    public bool MaskSeams { get; init; }
}
