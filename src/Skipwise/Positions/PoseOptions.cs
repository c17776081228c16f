namespace Skipwise.Positions;

/// <summary>Which positions a training window is given.</summary>
public enum PositionMode
{
    /// <summary>chunks with skips between them: the paper</summary>
    Pose,
    /// <summary>the whole target length, positions 0, 1, 2, ...: what PoSE stands in for, at full cost</summary>
    Full,
    /// <summary>the training length, positions 0, 1, 2, ...: interpolation without skips, the control</summary>
    Short,
    /// <summary>every token its own random position (Ruoss et al. 2023), the paper's other baseline</summary>
    RandPos,
}

/// <summary>How the window is cut into chunks.</summary>
public enum LengthRule
{
    /// <summary>each chunk in turn takes 1 token up to all that leaves the later chunks one each (the paper's figures)</summary>
    Uniform,
    /// <summary>two chunks, the first has 1..(len + 1) / 2 tokens (the released code)</summary>
    Released,
}

/// <summary>Which part of the document a chunk reads. v is a chunk's content bias, u its position bias: tokens left out before
/// it.</summary>
public enum ContentMode
{
    /// <summary>v drawn as u is: v_i ~ U{v_(i-1)..n - len}</summary>
    Skip,
    /// <summary>v_i = 0: the document's beginning, without gaps</summary>
    Contiguous,
    /// <summary>v_i = u_i: every token stands at its true position; skips end where the document does</summary>
    Follow,
}

/// <summary>
/// Everything that decides an example's positions (paper, section 3.2). <see cref="Chunks"/> and the properties below it up to
/// <see cref="SplitAfter"/> act in <see cref="PositionMode.Pose"/> only, so a baseline is <c>pose with { Mode = ... }</c>.
/// </summary>
public sealed record PoseOptions
{
    public PositionMode Mode { get; init; } = PositionMode.Pose;
    /// <summary>Lc, tokens in a training window</summary>
    [Within(1, 1 << 24, Name = "--train-length")]
    public required int TrainLength { get; init; }
    /// <summary>Lt, the window the model shall have; positions stay below it</summary>
    [Within(1, 1 << 27, Name = "--target-length")]
    public required int TargetLength { get; init; }
    /// <summary>N, chunks per window; 1 leaves the window whole</summary>
    [Within(1, 1 << 20, Name = "--chunks")]
    public int Chunks { get; init; } = 2;
    public LengthRule LengthRule { get; init; } = LengthRule.Uniform;
    public ContentMode Content { get; init; } = ContentMode.Skip;
    /// <summary>leave out the loss of each later chunk's first token, which its predecessor cannot foretell; the released code counts
    /// it</summary>
    public bool MaskSeams { get; init; }
    /// <summary>chunks end and begin right after one of these token ids (a newline, say) where the document has them in reach; empty:
    /// anywhere</summary>
    [Within(0, 1 << 29)]
    public IReadOnlyList<int> SplitAfter { get; init; } = [];
    /// <summary>read the document from a random token on, so that long ones are seen whole and not only their beginnings; false is the
    /// paper</summary>
    public bool RandomStart { get; init; }

    /// <summary>Reports every impossible setting at once.</summary>
    /// <exception cref="SkipwiseException">one line per problem: the flag, its value, the limit, the remedy</exception>
    public void Validate()
    {
        List<string> problems = [.. OptionCheck.Problems(this).Select(problem => problem + ".")];
        bool skips = Mode is PositionMode.Pose or PositionMode.RandPos;
        if (skips && TargetLength <= TrainLength)
        {
            problems.Add(
                $"--target-length {TargetLength} is no longer than --train-length {TrainLength}: there is nothing to extend. Raise the " +
                $"target or train on shorter windows.");
        }
        else if (Mode == PositionMode.Short && TargetLength < TrainLength)
        {
            problems.Add(
                $"--target-length {TargetLength} is shorter than --train-length {TrainLength}: positions would pass the target. Raise " +
                $"the target or train on shorter windows.");
        }
        if (Mode == PositionMode.Pose)
        {
            if (TrainLength >= 1 && Chunks > TrainLength)
            {
                problems.Add(
                    $"--chunks {Chunks} exceeds --train-length {TrainLength}: every chunk needs a token. Use at most {TrainLength} " +
                    $"chunks.");
            }
            if (LengthRule == LengthRule.Released && Chunks != 2)
            {
                problems.Add(
                    $"--length-rule released is defined for 2 chunks, --chunks is {Chunks}. Use --length-rule uniform, or 2 chunks.");
            }
        }
        if (problems.Count > 0)
        {
            throw new SkipwiseException(string.Join(Environment.NewLine, problems));
        }
    }
}
