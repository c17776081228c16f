using Skipwise.Positions;

namespace Skipwise.Tests.Positions;

public class PoseOptionsTests
{
    private static readonly PoseOptions s_good = new() { TrainLength = 8, TargetLength = 64 };

    [Fact]
    public void Good_options_pass()
    {
        s_good.Validate();
        (s_good with { Chunks = 8 }).Validate();
        (s_good with { LengthRule = LengthRule.Released }).Validate();
        (s_good with { Mode = PositionMode.RandPos }).Validate();
        (s_good with { Mode = PositionMode.Short, TargetLength = 8 }).Validate();
        (s_good with { Mode = PositionMode.Full, TargetLength = 4 }).Validate();
    }

    [Theory]
    [InlineData(PositionMode.Pose, 8, 8, 2, LengthRule.Uniform, "PoseOptions.TargetLength 8 is no longer than PoseOptions.TrainLength 8")]
    [InlineData(PositionMode.RandPos, 8, 7, 2, LengthRule.Uniform,
        "PoseOptions.TargetLength 7 is no longer than PoseOptions.TrainLength 8")]
    [InlineData(PositionMode.Short, 8, 7, 2, LengthRule.Uniform, "PoseOptions.TargetLength 7 is shorter than PoseOptions.TrainLength 8")]
    [InlineData(PositionMode.Full, 8, 0, 2, LengthRule.Uniform, "PoseOptions.TargetLength is 0; it must be at least 1.")]
    [InlineData(PositionMode.Pose, 0, 7, 1, LengthRule.Uniform, "PoseOptions.TrainLength is 0; it must be at least 1.")]
    [InlineData(PositionMode.Pose, 8, 64, 9, LengthRule.Uniform, "PositionOptions.Chunks 9 exceeds PoseOptions.TrainLength 8")]
    [InlineData(PositionMode.Pose, 8, 64, 0, LengthRule.Uniform, "PositionOptions.Chunks is 0; it must be at least 1.")]
    [InlineData(PositionMode.Pose, 8, 64, 3, LengthRule.Released,
        "PositionOptions.LengthRule released is defined for 2 chunks, PositionOptions.Chunks is 3")]
    public void A_bad_setting_is_named_with_its_option(PositionMode mode, int trainLength, int targetLength, int chunks, LengthRule rule,
        string message)
    {
        var pose = new PoseOptions
        {
            Mode = mode,
            TrainLength = trainLength,
            TargetLength = targetLength,
            Chunks = chunks,
            LengthRule = rule
        };
        string found = Assert.Throws<SkipwiseException>(pose.Validate).Message;
        Assert.StartsWith(message, found, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', found);
    }

    [Fact]
    public void All_problems_are_reported_at_once()
    {
        var pose = new PoseOptions { TrainLength = 8, TargetLength = 4, Chunks = 20, LengthRule = LengthRule.Released };
        string message = Assert.Throws<SkipwiseException>(pose.Validate).Message;
        Assert.Equal(3, message.Split('\n').Length);
        Assert.Contains("PoseOptions.TargetLength 4", message, StringComparison.Ordinal);
        Assert.Contains("PositionOptions.Chunks 20", message, StringComparison.Ordinal);
        Assert.Contains("PositionOptions.LengthRule released", message, StringComparison.Ordinal);
    }
}
