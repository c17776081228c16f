using System.Diagnostics.CodeAnalysis;

namespace Skipwise.Positions;

/// <summary>
/// Everything that decides an example's positions (paper, section 3.2): <see cref="PositionOptions"/> and the lengths.
/// <see cref="SplitAfter"/> acts in <see cref="PositionMode.Pose"/> only.
/// </summary>
public sealed record PoseOptions : PositionOptions
{
    /// <summary>Options whose lengths are still to be given.</summary>
    public PoseOptions()
    {
    }

    /// <summary>Adds the lengths.</summary>
    /// <param name="positions">how positions are drawn</param>
    /// <param name="trainLength">Lc, tokens in a training window</param>
    /// <param name="targetLength">Lt, the window the model shall have</param>
    [SetsRequiredMembers]
    public PoseOptions(PositionOptions positions, int trainLength, int targetLength) : base(positions) =>
        (TrainLength, TargetLength) = (trainLength, targetLength);

    /// <summary>Lc, tokens in a training window</summary>
    [Within(1, 1 << 24)]
    public required int TrainLength { get; init; }
    /// <summary>Lt, the window the model shall have; positions stay below it</summary>
    [Within(1, 1 << 27)]
    public required int TargetLength { get; init; }
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
                    $"{OptionName.Of(nameof(PositionOptions.Chunks))} {Chunks} exceeds {OptionName.Of(nameof(PoseOptions.TrainLength))} " +
                    $"{TrainLength}: every chunk needs a token. Use at most {TrainLength} chunks.");
            }
            if (LengthRule == LengthRule.Released && Chunks != 2)
            {
                problems.Add(
                    $"{OptionName.Of(nameof(PositionOptions.LengthRule))} released is defined for 2 chunks, " +
                    $"{OptionName.Of(nameof(PositionOptions.Chunks))} is {Chunks}. " +
                    $"Use {OptionName.Of(nameof(PositionOptions.LengthRule))} uniform, or 2 chunks.");
            }
        }
        if (problems.Count > 0)
        {
            throw new SkipwiseException(string.Join(Environment.NewLine, problems));
        }
    }
}
