using System.Runtime.InteropServices;
using Skipwise.Checkpoints.HuggingFace;

namespace Skipwise.Tests;

public class OutOfMemoryTests
{
    public static TheoryData<Exception, string> Errors => new()
    {
        { new OutOfMemoryException("Array dimensions exceeded supported range."), "Array dimensions exceeded supported range" },
        { new ExternalException("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 5 bytes.\nframe #0"),
            "you tried to allocate 5 bytes" },
        { new ExternalException("std::bad_alloc"), "std::bad_alloc" },
        { new ExternalException("CUDA out of memory. Tried to allocate 2.00 GiB.\nframe #0"), "Tried to allocate 2.00 GiB" },
    };

    [Theory]
    [MemberData(nameof(Errors))]
    public void Memory_that_runs_out_for_a_file_names_it(Exception error, string words)
    {
        string message = Assert.Throws<SkipwiseException>(() => OutOfMemory.Naming<int>("books/a.txt", () => throw error)).Message;
        Assert.StartsWith("books/a.txt: out of memory for it: ", message, StringComparison.Ordinal);
        Assert.Contains(words, message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', message);
    }

    [Fact]
    public void Another_error_stays_what_it_is()
    {
        Assert.Throws<ExternalException>(() => OutOfMemory.Naming<int>("a", () => throw new ExternalException("no such kernel")));
        Assert.Throws<SkipwiseException>(() => OutOfMemory.Naming<int>("a", () => throw new SkipwiseException("b")));
        Assert.Equal(7, OutOfMemory.Naming("a", () => 7));
    }

    /// <summary>What adapts a model runs while it is loaded: a stand-in for memory that ends there.</summary>
    [Fact]
    public void A_model_that_is_too_large_is_named() =>
        Assert.StartsWith($"{Fixture.Path("llama-none")}: out of memory", Assert.Throws<SkipwiseException>(() =>
            PretrainedModel.Load(new ModelSource(Fixture.Path("llama-none")), _ => throw new OutOfMemoryException("x"))).Message,
                StringComparison.Ordinal);
}
