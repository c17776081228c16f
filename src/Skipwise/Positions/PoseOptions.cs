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
/// Everything that decides an example's positions (paper, section 3.2). <see cref="Chunks"/> and the properties below it up to
/// <see cref="SplitAfter"/> act in <see cref="PositionMode.Pose"/> only, so a baseline is <c>pose with { Mode = ... }</c>.
/// </summary>
public sealed record PoseOptions
{
    /// <summary>how positions are assigned</summary>
    public PositionMode Mode { get; init; } = PositionMode.Pose;
    /// <summary>Lc, tokens in a training window</summary>
    [Within(1, 1 << 24)]
    public required int TrainLength { get; init; }
    /// <summary>Lt, the window the model shall have; positions stay below it</summary>
    [Within(1, 1 << 27)]
    public required int TargetLength { get; init; }
    /// <summary>N, chunks per window; 1 leaves the window whole</summary>
    [Within(1, 1 << 20)]
    public int Chunks { get; init; } = 2;
    /// <summary>how the window is cut into chunks</summary>
    public LengthRule LengthRule { get; init; } = LengthRule.Uniform;
    /// <summary>which part of the document each chunk reads</summary>
    public ContentMode Content { get; init; } = ContentMode.Skip;
    /// <summary>exclude the first token of each later chunk from the loss, because the token before it cannot predict it; the released
    /// code counts it</summary>
    public bool MaskSeams { get; init; }
    /// <summary>token ids (a newline, say) right after which chunks begin and end, if the document has one within reach; empty:
    /// anywhere</summary>
    [Within(0, 1 << 29)]
    public IReadOnlyList<int> SplitAfter { get; init; } = [];
    /// <summary>read the document from a random token on, so that training uses all of a long document and not only its beginning; false
    /// is the paper</summary>
    public bool RandomStart { get; init; }

    /// <summary>Reports all invalid settings in one error.</summary>
    /// <exception cref="SkipwiseException">one line per problem: the option, its value, the limit, the remedy</exception>
    public void Validate()
    {
        List<string> problems = [.. OptionCheck.Problems(this).Select(problem => problem + ".")];
        bool skips = Mode is PositionMode.Pose or PositionMode.RandPos;
        if (skips && TargetLength <= TrainLength)
        {
            problems.Add(
                $"{OptionName.Of(nameof(PoseOptions.TargetLength))} {TargetLength} is no longer than " +
                $"{OptionName.Of(nameof(PoseOptions.TrainLength))} {TrainLength}: there is nothing to extend. Raise the target or " +
                $"train on shorter windows.");
        }
        else if (Mode == PositionMode.Short && TargetLength < TrainLength)
        {
            problems.Add(
                $"{OptionName.Of(nameof(PoseOptions.TargetLength))} {TargetLength} is shorter than " +
                $"{OptionName.Of(nameof(PoseOptions.TrainLength))} {TrainLength}: positions would pass the target. Raise the target " +
                $"or train on shorter windows.");
        }
        if (Mode == PositionMode.Pose)
        {
            if (TrainLength >= 1 && Chunks > TrainLength)
            {
                problems.Add(
                    $"{OptionName.Of(nameof(PoseOptions.Chunks))} {Chunks} exceeds {OptionName.Of(nameof(PoseOptions.TrainLength))} " +
                    $"{TrainLength}: every chunk needs a token. Use at most {TrainLength} chunks.");
            }
            if (LengthRule == LengthRule.Released && Chunks != 2)
            {
                problems.Add(
                    $"{OptionName.Of(nameof(PoseOptions.LengthRule))} released is defined for 2 chunks, " +
                    $"{OptionName.Of(nameof(PoseOptions.Chunks))} is {Chunks}. " +
                    $"Use {OptionName.Of(nameof(PoseOptions.LengthRule))} uniform, or 2 chunks.");
            }
        }
        if (problems.Count > 0)
        {
            throw new SkipwiseException(string.Join(Environment.NewLine, problems));
        }
    }
}
