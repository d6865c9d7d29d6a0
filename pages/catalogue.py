"""The course as one table: what the home page maps, the navigation lists and the tests open."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pages.citations import cite

PAGES = Path(__file__).parent
ASSETS = PAGES.parent / "assets"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One page. ``slug`` is its address, its file, its thumbnail and, where there is one, its engine."""

    section: str
    slug: str
    title: str
    idea: str  # one line: what the viewer will see
    paper: str
    sources: tuple[str, ...] = ()  # files of engines/ whose text the page shows
    script: str = ""  # the file's name where the slug cannot be one of a module
    starts: tuple[tuple[str, dict[str, str]], ...] = ()  # places to begin: label, settings in the address

    @property
    def file(self) -> Path:
        return PAGES / self.section.lower() / f"{self.script or self.slug.replace('-', '_')}.py"

    def thumbnail(self, theme: str) -> Path:
        """The page's picture in the "light" or the "dark" theme, which `python -m pages.thumbnails` takes."""
        return ASSETS / "thumbnails" / f"{self.slug}-{theme}.webp"


CATALOGUE: tuple[Entry, ...] = (
    Entry(
        section="Foundations",
        slug="bayes",
        title="Bayes' rule",
        idea="Flip a coin, measure, take a test: watch what you may believe sharpen with every observation.",
        paper=cite("bishop2006"),
        sources=("foundations/bayes.py",),
        starts=(
            ("A medical test", {"view": "test"}),
            ("The mean of a Gaussian", {"view": "mean"}),
            ("A Gaussian under your hand", {"view": "gaussian"}),
        ),
    ),
    Entry(
        section="Foundations",
        slug="learning",
        title="Learning with and without labels",
        idea="See points with their labels and without; let text, digits and tunes be made up.",
        paper=cite("bishop2006", "shannon1948", "witten1991"),
        sources=("maths/chains.py", "foundations/ngram.py", "foundations/melody.py"),
        starts=(
            ("Make up verse", {"view": "text"}),
            ("Make up digits", {"view": "drawing"}),
            ("Make up a tune", {"view": "melody"}),
        ),
    ),
    Entry(
        section="Foundations",
        slug="bayes-classifier",
        title="Sampling from a Bayes classifier",
        idea="Draw an image of a digit you choose; ask the same model what an image shows.",
        paper=cite("bishop2006"),
        sources=("foundations/bayes_classifier.py",),
        starts=(
            ("One class only", {"method": "given", "y": "3"}),
            ("Pen styles", {"view": "styles", "y": "7"}),
            ("Move along its directions", {"view": "directions", "y": "2"}),
            ("What does it show?", {"view": "classify"}),
        ),
    ),
    Entry(
        section="Mixtures",
        slug="gmm",
        title="Gaussian mixtures and EM",
        idea="Watch EM pull Gaussians onto data, and see why the likelihood never falls.",
        paper=cite("dempster1977", "bishop2006"),
        sources=("mixtures/gmm.py", "mixtures/kmeans.py"),
        starts=(
            ("EM against k-means", {"scene": "stretched", "data": "stretched", "compare": "true"}),
            ("A local optimum", {"scene": "local-optimum", "data": "stretched", "init": "random", "seed": "7"}),
            ("Pen styles in the digits", {"view": "digits", "k": "10"}),
            ("Draw your own points", {"data": "draw"}),
        ),
    ),
    Entry(
        section="Mixtures",
        slug="variational-gmm",
        title="The mixture that finds its own size",
        idea="Start with too many components and watch those that earn nothing die.",
        paper=cite("bishop2006", "blei2006"),
        sources=("mixtures/variational_gmm.py", "mixtures/survey.py"),
        starts=(
            ("Ten components, three clusters", {"scene": "prune", "data": "blobs", "k": "10", "compare": "true"}),
            ("Little data", {"scene": "little-data", "data": "blobs", "n": "50", "k": "3", "density": "both"}),
            ("A Dirichlet process", {"scene": "process", "data": "stretched", "k": "12", "prior": "process"}),
        ),
    ),
    Entry(
        section="Autoencoders",
        slug="autoencoder",
        title="The autoencoder",
        idea="See what of an image survives a bottleneck of 300, 32 or 2 numbers, and what each hidden unit draws.",
        paper=cite("hinton2006", "baldi1989"),
        sources=("autoencoders/autoencoder.py", "learning.py"),
        starts=(
            ("Watch two numbers organise", {"view": "film"}),
            ("Train one now", {"view": "train"}),
            ("Find PCA again", {"view": "train", "act": "linear", "loss": "squared", "code": "8"}),
        ),
    ),
    Entry(
        section="Autoencoders",
        slug="vae",
        title="The variational autoencoder",
        idea="Move a finger through a latent space: the digit follows. Draw one and have it placed.",
        paper=cite("kingma2013"),
        sources=("autoencoders/vae.py", "maths/variational.py", "learning.py"),
        starts=(
            ("Watch codes organise", {"view": "film"}),
            ("Train one now", {"view": "train"}),
            ("Clothes", {"model": "fashion"}),
            ("Thirty-two dimensions", {"model": "mnist-32"}),
        ),
    ),
    Entry(
        section="Autoencoders",
        slug="elbo",
        title="KL against reconstruction",
        idea="Turn beta and watch the two terms of the bound pull against each other, in nats.",
        paper=cite("kingma2013", "burda2015", "higgins2017"),
        sources=("autoencoders/bounds.py", "maths/divergences.py", "autoencoders/vae.py"),
        starts=(
            ("Posterior collapse", {"scene": "collapse", "beta": "16"}),
            ("One image, pixel by pixel", {"view": "image"}),
            ("Two Gaussians to drag", {"view": "divergence"}),
        ),
    ),
    Entry(
        section="GANs",
        slug="gan",
        title="The game of two networks",
        idea="Watch a generator imitate points while a discriminator learns to tell them apart.",
        paper=cite("goodfellow2014", "arjovsky2017", "gulrajani2017", "mescheder2018"),
        sources=("gans/gan2d.py", "gans/objectives.py", "gans/equilibrium.py"),
        starts=(
            ("Mode collapse", {"scene": "collapse", "data": "ring", "gsteps": "5"}),
            ("In slow motion", {"slow": "true"}),
            ("Why it circles", {"scene": "circle", "view": "equilibrium", "method": "simultaneous"}),
            ("Draw your own points", {"data": "draw"}),
        ),
    ),
    Entry(
        section="GANs",
        slug="transposed-convolution",
        title="Transposed convolution",
        idea="Stamp a kernel into a larger grid, read every sum, and see where checkerboards come from.",
        paper=cite("radford2015", "odena2016"),
        sources=("maths/convolution.py", "gans/transposed_convolution.py"),
        starts=(
            ("The checkerboard", {"scene": "checkerboard", "values": "ones", "n": "5", "k": "3", "s": "2"}),
            ("With zeros inserted", {"how": "zero-inserted"}),
            ("A trained layer", {"values": "dcgan-3"}),
        ),
    ),
    Entry(
        section="GANs",
        slug="dcgan",
        title="DCGAN",
        idea="Sixty-four fixed codes become digits as a convolutional generator learns; then walk between the codes.",
        paper=cite("radford2015"),
        sources=("gans/dcgan.py", "maths/samples.py", "foundations/classifier.py"),
        starts=(
            ("Layer by layer", {"view": "layers"}),
            ("Walk between two codes", {"view": "walk"}),
            ("Clothes", {"data": "fashion"}),
            ("Train one now", {"view": "train"}),
        ),
    ),
    Entry(
        section="GANs",
        slug="cgan",
        title="Conditional GAN",
        idea="You say which digit, the noise says how; and what happens when the discriminator is not told.",
        paper=cite("mirza2014", "reed2016"),
        sources=("gans/cgan.py", "learning.py", "foundations/classifier.py"),
        starts=(
            ("Between two labels", {"view": "between"}),
            ("Ask the discriminator", {"view": "judge"}),
            ("A judge that forgets", {"scene": "forgotten", "view": "judge", "by": "whole"}),
        ),
    ),
    Entry(
        section="GANs",
        slug="infogan",
        title="InfoGAN",
        idea="A part of the noise must be legible in the image; it comes to say which digit, though nobody said so.",
        paper=cite("chen2016"),
        sources=("gans/infogan.py", "learning.py"),
        starts=(
            ("Sort an image", {"view": "sort"}),
            ("Turn the second dial", {"view": "sort", "dial": "2"}),
            ("Take a part away", {"view": "parts"}),
        ),
    ),
    Entry(
        section="Translation",
        slug="pix2pix",
        title="pix2pix",
        idea="Draw an outline and see it coloured while you draw; then take losses and skips away.",
        paper=cite("isola2016"),
        sources=("translation/pix2pix.py", "learning.py", "maths/intervals.py"),
        starts=(
            ("Watch it learn", {"view": "film"}),
            ("What each loss is for", {"view": "parts"}),
            ("Without skips", {"view": "parts", "part": "skips"}),
        ),
    ),
    Entry(
        section="Translation",
        slug="dtn",
        title="Domain transfer",
        idea="A digit from a photo becomes handwriting, because a frozen network must see the same digit in both.",
        paper=cite("taigman2016"),
        sources=("translation/dtn.py", "learning.py", "foundations/classifier.py"),
        starts=(
            ("Watch it learn", {"view": "film"}),
            ("What each term is for", {"view": "parts"}),
            ("Handwriting, but of which digit?", {"scene": "another-digit", "by": "no-const"}),
        ),
    ),
    Entry(
        section="Translation",
        slug="cyclegan",
        title="CycleGAN",
        idea="Flat emoji become shaded ones and flat again, without pairs; then ask whether a message is hidden.",
        paper=cite("zhu2017", "chu2017"),
        sources=("translation/cyclegan.py", "learning.py", "material.py"),
        starts=(
            ("Watch it learn", {"view": "film"}),
            ("What the cycle is for", {"view": "parts"}),
            ("Is a message hidden?", {"view": "hidden"}),
        ),
    ),
    Entry(
        section="Translation",
        slug="pixeldtgan",
        title="PixelDTGAN",
        idea="Dress a figure and see its garment taken off it; swap one of a pair and watch a discriminator object.",
        paper=cite("yoo2016"),
        sources=("translation/pixeldtgan.py", "translation/wardrobe.py", "maths/ssim.py"),
        starts=(
            ("Swap one of a pair", {"view": "swap"}),
            ("Watch it learn", {"view": "film"}),
            ("A garment that is nobody's", {"scene": "nobodys", "by": "no-domain"}),
            ("What each part is for", {"view": "parts"}),
        ),
    ),
    Entry(
        section="Translation",
        slug="discogan",
        title="DiscoGAN",
        idea="No pairs, and yet a chair that turns becomes a head that turns: a map there and back must undo itself.",
        paper=cite("kim2017"),
        sources=("translation/discogan.py", "translation/discogan2d.py", "learning.py"),
        starts=(
            ("Watch it learn", {"view": "film"}),
            ("What each reconstruction is for", {"view": "parts"}),
            ("Modes that nothing asks for", {"scene": "fewer", "view": "toy", "seed": "3"}),
            ("In the plane, small networks", {"view": "toy", "width": "16"}),
        ),
    ),
    Entry(
        section="Translation",
        slug="pose-guided",
        title="Pose-guided people (PG2)",
        idea="Drag a figure's hands and feet: the same clothes in a new pose, first coarse, then fine.",
        paper=cite("ma2017"),
        sources=("translation/pose_guided.py", "translation/poses.py", "maths/ssim.py"),
        starts=(
            ("Watch it learn", {"view": "film"}),
            ("What each part is for", {"view": "parts"}),
            ("Stage 1 alone", {"scene": "blurred", "by": "stage1"}),
        ),
    ),
    Entry(
        section="People",
        slug="tpgan",
        title="TP-GAN",
        idea="Turn a head and see it brought to the front, by one look at all of it and four at eyes, nose and mouth.",
        paper=cite("huang2017"),
        sources=("people/tpgan.py", "people/recogniser.py", "people/heads.py"),
        starts=(
            ("Watch it learn", {"view": "film"}),
            ("Who is recognised", {"view": "angles"}),
            ("What each part is for", {"view": "parts"}),
            ("A face, but whose?", {"scene": "somebody", "by": "no-identity", "person": "12"}),
        ),
    ),
    Entry(
        section="People",
        slug="anime",
        title="Anime characters",
        idea="Choose hair, skin and eyes, have a character drawn, change one thing, and see what is obeyed.",
        paper=cite("jin2017", "kodali2017"),
        sources=("people/anime.py", "people/attributes.py"),
        starts=(
            ("Pick from 36", {"view": "sheet"}),
            ("What is obeyed", {"view": "obeyed"}),
            ("What each part is for", {"view": "parts"}),
            ("A steep discriminator", {"scene": "steep", "by": "plain"}),
            ("Nobody listens", {"scene": "unheard", "by": "no-cls"}),
        ),
    ),
    Entry(
        section="People",
        slug="icgan",
        title="IcGAN",
        idea="Take a drawn face apart into its attributes and the rest, change one attribute, and see it made again.",
        paper=cite("perarnau2016"),
        sources=("people/icgan.py", "people/attributes.py"),
        starts=(
            ("Compose a face", {"view": "compose"}),
            ("Watch it learn", {"view": "film"}),
            ("Which attributes are obeyed", {"view": "figures"}),
        ),
    ),
    Entry(
        section="People",
        slug="age-cgan",
        title="Age-cGAN",
        idea="See a face at any age, and watch the search for the code that makes it and keeps the person.",
        paper=cite("antipov2017"),
        sources=("people/age_cgan.py", "people/age_search.py", "maths/lbfgs.py", "people/age_judge.py"),
        starts=(
            ("Watch the search", {"view": "search"}),
            ("All ages", {"view": "ages"}),
            ("How old it looks", {"view": "read"}),
            ("An age nobody minds", {"scene": "ageless", "by": "no-age-in-d"}),
        ),
    ),
    Entry(
        section="Autoregressive",
        slug="pixelcnn",
        title="PixelCNN",
        idea="Hide part of an image, watch it being drawn pixel by pixel, and ask every pixel what it was drawn from.",
        paper=cite("vandenoord2016a", "ramachandran2017"),
        sources=("autoregressive/pixelcnn.py", "autoregressive/raster.py", "autoregressive/fill.py", "maths/levels.py"),
        starts=(
            ("Nine completions", {"n": "9", "row": "4"}),
            ("What a layer sees", {"view": "layers"}),
            ("Surprised by clothes", {"view": "surprise"}),
        ),
    ),
    Entry(
        section="Autoregressive",
        slug="gated-pixelcnn",
        title="Gated PixelCNN",
        idea="Draw an image of every class, change the class half-way down, see a blind spot and its cure.",
        paper=cite("vandenoord2016b"),
        sources=("autoregressive/gated_pixelcnn.py", "autoregressive/raster.py"),
        starts=(
            ("The blind spot", {"view": "blind spot"}),
            ("Half a three, half an eight", {"view": "turn"}),
            ("Clothes", {"data": "fashion"}),
        ),
    ),
    Entry(
        section="Autoregressive",
        slug="pixelrnn",
        title="PixelRNN",
        idea="Follow two LSTMs across an image, see what a pixel gets to know through them, and what that costs.",
        paper=cite("vandenoord2016a"),
        sources=("autoregressive/row_lstm.py", "autoregressive/diagonal_bilstm.py", "autoregressive/multiscale.py"),
        starts=(
            ("The triangle", {"view": "row LSTM"}),
            ("A small image first", {"view": "multi-scale"}),
        ),
    ),
    Entry(
        section="Autoregressive",
        slug="pixelcnn-pp",
        title="PixelCNN++",
        idea="Watch grey digits being filled in, and see the mixture of logistics that every pixel is drawn from.",
        paper=cite("salimans2017", "ramachandran2017"),
        sources=("autoregressive/pixelcnn_pp.py", "maths/levels.py"),
        starts=(
            ("Without the middle", {"hide": "block"}),
            ("From nothing", {"hide": "everything", "n": "9"}),
            ("Colder", {"t": "0.5"}),
        ),
    ),
    Entry(
        section="Autoregressive",
        slug="likelihood",
        title="What a likelihood is worth",
        idea="Compress an image to the bytes that a model promises; decode it; damage it on the way.",
        paper=cite("shannon1948", "vandenoord2016a"),
        sources=("autoregressive/coding.py", "autoregressive/raster.py"),
        starts=(
            ("Clothes cost more", {"image": "clothes"}),
            ("A damaged byte", {"damage": "8"}),
            ("256 grey levels", {"model": "pixelcnn_pp"}),
        ),
    ),
    Entry(
        section="Making",
        slug="anogan",
        title="AnoGAN",
        idea="A network that has seen one kind of image only looks for yours: what it cannot make is the defect.",
        paper=cite("schlegl2017"),
        sources=("making/anogan.py",),
        starts=(
            ("Another class", {"image": "other"}),
            ("How well it detects", {"view": "detect"}),
            ("Replay the training", {"view": "film"}),
        ),
    ),
    Entry(
        section="Making",
        slug="stackgan",
        title="StackGAN",
        idea="Describe a bird or a flower, see it drawn in two stages, and see what makes a network keep to a caption.",
        paper=cite("zhang2016", "reed2016"),
        sources=("making/stackgan.py", "making/captions.py", "making/bird_judge.py"),
        starts=(
            ("In your own words", {"how": "own"}),
            ("From a daisy to an owl", {"view": "walk"}),
            ("Watch it learn", {"view": "film"}),
        ),
    ),
    Entry(
        section="Making",
        slug="mgan",
        title="MGAN",
        idea="Draw a texture at any size at once, put a photo into it, and race the optimisation that this replaces.",
        paper=cite("li2016"),
        sources=("making/mgan.py", "making/mdan.py", "making/patches.py", "making/features.py"),
        starts=(
            ("A photo in gravel", {"what": "cat"}),
            ("Against the optimisation", {"view": "race"}),
            ("Stones as large as the eyes", {"scene": "small", "what": "cat", "size": "64"}),
            ("Watch it learn", {"view": "film"}),
        ),
    ),
    Entry(
        section="Making",
        slug="midinet",
        title="MidiNet",
        idea="Choose chords, hear a network compose eight bars to them, and see what links one bar to the next.",
        paper=cite("yang2017", "mescheder2018"),
        sources=("making/midinet.py", "making/bars.py", "maths/chains.py"),
        starts=(
            ("Beside an n-gram", {"beside": "ngram"}),
            ("What links two bars", {"view": "parts"}),
            ("Bars that do not join", {"scene": "unlinked", "by": "paper", "chords": "round"}),
            ("Watch it learn", {"view": "film"}),
        ),
    ),
    Entry(
        section="Making",
        slug="perceptual-gan",
        title="Perceptual GAN",
        idea="Shrink a sticker in a scene: its features are raised to those of a large one, and it is named again.",
        paper=cite("li2017"),
        sources=("making/perceptual_gan.py", "making/features.py", "making/perceptual_seeds.py"),
        starts=(
            ("Whole scenes", {"view": "scenes"}),
            ("From which size on", {"view": "sizes"}),
            ("Watch it learn", {"view": "film"}),
            ("What each part is for", {"view": "parts"}),
            ("Features that nothing has", {"scene": "nobodys", "by": "no-adversarial"}),
        ),
    ),
    Entry(
        section="Making",
        slug="srgan",
        title="SRGAN",
        idea="Enlarge a photo four times under an edge that you move: true pixels and sharp ones are not the same.",
        paper=cite("ledig2016", "tan2019", "lim2017"),
        sources=("making/srgan.py", "making/features.py"),
        starts=(
            ("Bicubic beside SRGAN", {"left": "bicubic", "photo": "cat"}),
            ("Watch it learn", {"view": "film"}),
            ("Take a part away", {"view": "parts"}),
            ("Noise becomes texture", {"scene": "noise"}),
        ),
    ),
    Entry(
        section="Making",
        slug="3dgan",
        script="threedgan",
        title="3D-GAN",
        idea="Turn a solid made from noise in your hand, walk from one to another, and add what makes them tall.",
        paper=cite("wu2016"),
        sources=("making/threedgan.py", "making/solids.py"),
        starts=(
            ("Walk between two", {"view": "walk"}),
            ("Add what makes it tall", {"view": "sum"}),
            ("What the discriminator has learned", {"view": "features"}),
            ("A discriminator that runs ahead", {"scene": "starved", "by": "equal-rates"}),
        ),
    ),
    Entry(
        section="Imitation",
        slug="gail",
        title="Learning to act from examples",
        idea="Watch a learner come to act as an expert does; or drive, and have it imitate you.",
        paper=cite("ho2016"),
        sources=(
            "imitation/gail.py",
            "imitation/trpo.py",
            "imitation/behavioural_cloning.py",
            "imitation/environments.py",
            "imitation/experts.py",
        ),
        starts=(
            ("You are the expert", {"view": "drive"}),
            ("Cloning drifts", {"scene": "drift", "method": "behavioural_cloning", "n": "1"}),
            ("How many demonstrations?", {"view": "count"}),
        ),
    ),
    Entry(
        section="Reading",
        slug="references",
        title="References",
        idea="Papers, books, courses and further reading, each with the page that it belongs to.",
        paper="",
        starts=(("Papers", {"kind": "paper"}), ("Books", {"kind": "book"}), ("Courses", {"kind": "course"})),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """A page's place on the map of the course."""

    slug: str
    note: str  # a few words below the title
    place: tuple[int, int]  # column and row of the wide map
    leads_to: tuple[tuple[str, str], ...] = ()  # slug of the next page, how this one leads there


# In the order of the course.
COURSE: tuple[Stop, ...] = (
    Stop(
        slug="learning",
        note="p(x) or p(y | x)",
        place=(0, 0),
        leads_to=(("bayes-classifier", "a model of p(x) can be drawn from, a boundary between classes cannot"),),
    ),
    Stop(
        slug="bayes",
        note="p(z | x) from p(x | z)",
        place=(0, 2),
        leads_to=(
            ("bayes-classifier", "one density p(x | y) for each class also answers p(y | x)"),
            ("gmm", "the hidden z may be the cluster that a point comes from"),
        ),
    ),
    Stop(
        slug="bayes-classifier",
        note="first y, then x",
        place=(0, 1),
        leads_to=(
            ("gmm", "one Gaussian a class draws blurred digits; several tell pen styles apart"),
            ("gan", "two networks can learn to draw without a density"),
        ),
    ),
    Stop(
        slug="gmm",
        note="guess, fit, guess again",
        place=(1, 2),
        leads_to=(("variational-gmm", "the parameters get posteriors too, and the likelihood a lower bound"),),
    ),
    Stop(
        slug="variational-gmm",
        note="the nearest simple posterior",
        place=(1, 3),
        leads_to=(("vae", "one network gives the posterior of every image at once"),),
    ),
    Stop(
        slug="autoencoder",
        note="through a bottleneck",
        place=(0, 3),
        leads_to=(("vae", "the code becomes a distribution, so that codes can be drawn"),),
    ),
    Stop(
        slug="vae",
        note="a latent space to draw from",
        place=(1, 4),
        leads_to=(
            ("elbo", "it maximises the ELBO, whose two terms pull against each other"),
            ("age-cgan", "an encoder can learn afterwards, from what a generator makes; a search mends its guess"),
        ),
    ),
    Stop(slug="elbo", note="fidelity against order", place=(0, 4)),
    Stop(
        slug="gan",
        note="two networks, one game",
        place=(1, 1),
        leads_to=(
            ("dcgan", "convolutions and a recipe take the game from points to images"),
            ("gail", "the discriminator's answer becomes a reward for acting"),
        ),
    ),
    Stop(
        slug="transposed-convolution",
        note="how a map is enlarged",
        place=(2, 0),
        leads_to=(("dcgan", "a generator is a stack of these"),),
    ),
    Stop(
        slug="dcgan",
        note="from noise to digits",
        place=(2, 1),
        leads_to=(
            ("pixelcnn", "drawing one pixel after another gives p(x) back, exactly"),
            ("cgan", "a label stands beside the noise, and the discriminator sees it too"),
            ("anogan", "what a generator of normal images cannot make is an anomaly"),
            ("midinet", "a bar of a melody is an image of 32 pitches by 16 steps"),
            ("infogan", "part of the noise must be read back from the image"),
            ("icgan", "attributes stand beside the noise, and encoders go the way back"),
            ("perceptual-gan", "what is made to look real need not be an image: features of one will do"),
            ("3dgan", "its convolutions run through space, over cells instead of pixels"),
        ),
    ),
    Stop(
        slug="cgan",
        note="you say which digit",
        place=(3, 2),
        leads_to=(
            ("pix2pix", "an image stands where the label stood, and the discriminator sees both"),
            ("stackgan", "a caption stands where the label stood, and the discriminator reads it too"),
        ),
    ),
    Stop(slug="infogan", note="noise that can be read", place=(2, 5)),
    Stop(
        slug="pix2pix",
        note="from pairs",
        place=(4, 2),
        leads_to=(
            ("pixeldtgan", "a second discriminator judges whether two images belong together"),
            ("discogan", "without pairs, the map back must undo the map there"),
            ("dtn", "without pairs, a frozen network says what must stay"),
            ("srgan", "the input is the same photo, four times smaller, and features stand where L1 stood"),
        ),
    ),
    Stop(slug="dtn", note="a frozen judge", place=(5, 3)),
    Stop(
        slug="discogan",
        note="without pairs",
        place=(6, 3),
        leads_to=(("cyclegan", "two styles: the cycle is weighed, and may hide what it needs"),),
    ),
    Stop(slug="cyclegan", note="there and back", place=(6, 4)),
    Stop(slug="pose-guided", note="coarse, then a difference", place=(5, 4)),
    Stop(
        slug="pixelcnn",
        note="pixel by pixel",
        place=(4, 0),
        leads_to=(
            ("pixelrnn", "a memory that runs through the image sees all of the past, and costs time"),
            ("gated-pixelcnn", "stacked masks leave a blind spot, which two stacks cure"),
        ),
    ),
    Stop(slug="anogan", note="what cannot be made", place=(2, 2)),
    Stop(
        slug="stackgan",
        note="words become a drawing",
        place=(3, 3),
        leads_to=(("anime", "the discriminator need not read what was asked: it says what it sees"),),
    ),
    Stop(slug="anime", note="attributes obeyed", place=(3, 4)),
    Stop(slug="midinet", note="bar by bar", place=(3, 0)),
    Stop(
        slug="srgan",
        note="sharp or true",
        place=(5, 2),
        leads_to=(("mgan", "the same features are judged patch by patch: texture"),),
    ),
    Stop(slug="mgan", note="patches of features", place=(5, 1)),
    Stop(
        slug="pixeldtgan",
        note="does this pair belong?",
        place=(4, 3),
        leads_to=(("tpgan", "a network that tells people apart asks the same: whose is it?"),),
    ),
    Stop(slug="tpgan", note="whole and parts", place=(4, 4)),
    Stop(slug="icgan", note="attributes and the rest", place=(2, 3)),
    Stop(slug="age-cgan", note="who, and how old", place=(2, 4)),
    Stop(slug="perceptual-gan", note="small as if large", place=(6, 2)),
    Stop(slug="3dgan", note="solids from noise", place=(3, 1)),
    Stop(slug="gail", note="a reward from examples", place=(1, 0)),
    Stop(slug="pixelrnn", note="LSTMs by row, by diagonal", place=(4, 1)),
    Stop(
        slug="gated-pixelcnn",
        note="no blind spot, p(x | y)",
        place=(5, 0),
        leads_to=(("pixelcnn-pp", "two levels become 256, described by a density over them"),),
    ),
    Stop(
        slug="pixelcnn-pp",
        note="a mixture of logistics",
        place=(6, 0),
        leads_to=(("likelihood", "an exact p(x) is also the length of a file"),),
    ),
    Stop(slug="likelihood", note="p(x) as a length", place=(6, 1)),
)


def entry(slug: str) -> Entry:
    """The page called ``slug``; KeyError lists the known ones."""
    for item in CATALOGUE:
        if item.slug == slug:
            return item
    raise KeyError(f"no page is called {slug!r}; known: {', '.join(item.slug for item in CATALOGUE)}")
