using Skipwise.Evaluation.Needles;
using Skipwise.Evaluation.Passkey;
using Skipwise.Evaluation.Ruler;

namespace Skipwise.Tests.Evaluation;

/// <summary>A length or task that is given twice would be measured once and counted twice.</summary>
public sealed class RepeatedSettingsTests
{
    [Fact]
    public void A_length_is_given_once()
    {
        int[] twice = [128, 64, 128];
        Assert.All((Action[])
        [
            new PasskeyOptions { Lengths = twice }.Validate, new NeedleOptions { Lengths = twice }.Validate,
            new RulerOptions { Lengths = twice }.Validate,
        ], validate => Assert.Contains("a length is given twice", Assert.Throws<SkipwiseException>(validate).Message));
        new PasskeyOptions { Lengths = [128, 64] }.Validate();
        new NeedleOptions { Lengths = [128, 64] }.Validate();
        new RulerOptions { Lengths = [128, 64] }.Validate();
    }

    [Fact]
    public void A_task_is_given_once() => Assert.Contains("a task is given twice",
        Assert.Throws<SkipwiseException>(() => new RulerOptions { Lengths = [128], Tasks = ["vt", "cwe", "vt"] }.Validate()).Message);
}
